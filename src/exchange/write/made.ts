import type { WriteProtectionConfig } from '../../config/model.ts';
import { GatewayError } from '../../errors.ts';
import { Fields } from '../../http/fields.ts';
import { essenceOf } from '../../http/media-type.ts';
import { mergePatched } from '../../rules/json-merge.ts';
import { jsonPatched } from '../../rules/json-patch.ts';
import { type Current, documentOf } from './document.ts';

/**
 * Whether what is checked of a write is what it makes of the resource: a JSON Schema says what that has to be, and a
 * patch is not. An OpenAPI description has a schema of its own for a patch. Under `log`, no write waits for a read.
 */
export function isCheckedAsMade({ validate }: Pick<WriteProtectionConfig, 'validate'>, method: string): boolean {
  return method === 'PATCH' && validate?.kind === 'schema';
}

/** The head of a JSON document. */
export const headOfMade = new Fields(['Content-Type', 'application/json']);

/**
 * The resource as a patch makes it, for a check. Of a resource that is not there, a merge patch makes a new one.
 * @throws GatewayError unmergeable, currentUnmergeable, unsupportedMediaType: nobody can tell
 */
export function madeByPatch(patch: Buffer, headers: Fields, current: Current | undefined): Buffer {
  const type = essenceOf(headers.get('content-type'));
  const isOperations = type === 'application/json-patch+json';
  if (!isOperations && type !== 'application/merge-patch+json' && type !== 'application/json') {
    const detail = 'send application/merge-patch+json, application/json-patch+json or application/json';
    throw new GatewayError('unsupportedMediaType', detail);
  }
  if (headers.has('content-encoding')) {
    throw new GatewayError('unsupportedMediaType', 'send the body without a content coding: what it makes is checked');
  }
  const sent = documentOf(patch, headers);
  if ('why' in sent) throw new GatewayError('unmergeable', sent.why);
  const present = current && documentOf(current.body, current.headers);
  if (present !== undefined && 'why' in present) throw new GatewayError('currentUnmergeable', present.why);
  const before = present?.text ?? 'null';
  if (!isOperations) return Buffer.from(mergePatched(before, sent.text));
  const made = jsonPatched(JSON.parse(before), JSON.parse(sent.text));
  if ('why' in made) throw new GatewayError('unmergeable', made.why);
  return Buffer.from(JSON.stringify(made.value));
}
