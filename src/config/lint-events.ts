import { dirname, resolve } from 'node:path';
import { type FileAccess, reasonOf } from './include.ts';
import type { configSchema } from './schema.ts';
import { soundPart } from './shape.ts';
import type { SourceDocument } from './source-document.ts';

/** Checks the settings of events against each other, and that the keys can be read. */
export function lintEvents(
  document: SourceDocument,
  schema: typeof configSchema,
  { readFile }: Pick<FileAccess, 'readFile'>,
): void {
  const events = soundPart(document, schema.shape.events, ['events']);
  if (events === undefined) return;
  if (events.cors?.credentials === true && events.cors.origins.includes('*')) {
    document.report(['events', 'cors', 'credentials'], {
      message: 'any page could use the cookies of those who visit it',
      hint: 'name the origins, or remove credentials',
    });
  }
  const jwt = events.auth?.jwt;
  if (jwt === undefined) return;
  const path = ['events', 'auth', 'jwt'];
  const { secret, jwks, issuer, audience } = jwt;
  if ((secret === undefined) === (jwks === undefined)) {
    const message = secret === undefined ? 'jwt needs a secret or jwks' : 'secret and jwks exclude each other';
    // The algorithms follow from which of them there is: a public key is never taken for a secret.
    document.report(path, { message, hint: 'write secret for HS256, jwks for public keys', atKey: true });
    return;
  }
  for (const [name, value] of Object.entries({ issuer, audience })) {
    if (jwks === undefined || value !== undefined) continue;
    const message = `jwks needs ${name}: its keys may sign tokens for others, too`;
    document.report([...path, 'jwks'], { message, hint: `add the ${name} that tokens for this gateway have` });
  }
  if (jwks === undefined || !('file' in jwks)) return;
  const hint = 'name a file with a JWK Set: { "keys": […] }; the path is relative to this file';
  try {
    const content: unknown = JSON.parse(readFile(resolve(dirname(document.file), jwks.file)));
    if (Array.isArray((content as { keys?: unknown } | null)?.keys)) return;
    document.report([...path, 'jwks'], { message: `"${jwks.file}" is not a JWK Set`, hint });
  } catch (error) {
    const reason = error instanceof SyntaxError ? 'it is not JSON' : reasonOf(error);
    document.report([...path, 'jwks'], { message: `"${jwks.file}" cannot be read (${reason})`, hint });
  }
}
