import { parseSource } from '../rules/source.ts';
import type { Located } from './lint-routes.ts';
import { originPaths } from './origins.ts';
import type { RuleSettings } from './rule-schema.ts';
import { valueAt } from './shape.ts';
import type { SourceDocument } from './source-document.ts';

/**
 * Reports payloads that show what the gateway reads with its own credentials (`origin.headers`). Anyone may subscribe,
 * and the writer may not be allowed to read it either.
 */
export function lintOwnReads(rules: readonly Located<RuleSettings>[], main: SourceDocument): void {
  if (!readsByItself(main)) return;
  for (const { settings, document, path } of rules) {
    const { event } = settings;
    if (typeof event !== 'object') continue;
    for (const [member, written] of Object.entries(event.payload ?? {})) {
      const { root } = parseSource(written);
      if (root !== 'before' && root !== 'lookup') continue;
      document.report([...path, 'event', 'payload', member], {
        message: `${written} is read with the credentials of origin.headers, and every subscriber sees it`,
        hint: 'send an id from the path or the response, and let subscribers read the rest themselves',
        warning: 'own-reads-announced',
      });
    }
  }
}

function readsByItself(main: SourceDocument): boolean {
  return originPaths(main).some((path) => Object.keys(Object(valueAt(main.value, [...path, 'headers']))).length > 0);
}
