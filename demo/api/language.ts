import type { Call } from './exchange.ts';

export type Language = 'en' | 'fr';

/** The language of `?lang=`, otherwise the one that `Accept-Language` prefers, otherwise English. */
export function languageOf(call: Pick<Call, 'query' | 'headers'>): Language {
  const asked = call.query.get('lang');
  if (asked === 'en' || asked === 'fr') return asked;
  const header = call.headers['accept-language'] ?? '';
  return weightOf('fr', header) > weightOf('en', header) ? 'fr' : 'en';
}

/** The highest weight of a range for the language, such as `fr-CA`; that of `*` if there is none (RFC 9110 §12.5.4). */
function weightOf(language: Language, header: string): number {
  let named: number | undefined;
  let wildcard = 0;
  for (const part of header.toLowerCase().split(',')) {
    const [range = '', ...parameters] = part.split(';').map((piece) => piece.trim());
    const q = parameters.find((parameter) => parameter.startsWith('q='));
    const weight = q === undefined ? 1 : Number(q.slice(2));
    if (Number.isNaN(weight)) continue;
    if (range === language || range.startsWith(`${language}-`)) named = Math.max(named ?? 0, weight);
    else if (range === '*') wildcard = Math.max(wildcard, weight);
  }
  return named ?? wildcard;
}
