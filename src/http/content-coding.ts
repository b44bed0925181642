import { splitList } from './list.ts';

/** RFC 9110 §12.4.2, §12.5.3. */
const member = /^(\*|[A-Za-z0-9!#$%&'*+\-.^_`|~]+)(?:[ \t]*;[ \t]*q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?))?$/i;

/**
 * The content coding that a client prefers (RFC 9110 §12.5.3) among those `offered`; undefined for no coding. A missing
 * or malformed field accepts no coding. With equal weights, the order of `offered` decides, and any coding is preferred
 * to none unless the client weighs `identity` more.
 */
export function wantedCoding<Coding extends string>(
  acceptEncoding: string | undefined,
  offered: readonly Coding[],
): Coding | undefined {
  const weights = weightsOf(acceptEncoding);
  if (weights === undefined) return undefined;
  let best: Coding | undefined;
  let bestWeight = weights.get('identity') ?? 0;
  for (const coding of offered) {
    const weight = weights.get(coding) ?? weights.get('*') ?? 0;
    if (weight > 0 && (weight > bestWeight || (best === undefined && weight === bestWeight))) {
      best = coding;
      bestWeight = weight;
    }
  }
  return best;
}

/** Whether a client accepts this coding. */
export function acceptsCoding(acceptEncoding: string | undefined, coding: string): boolean {
  const weights = weightsOf(acceptEncoding);
  return weights !== undefined && (weights.get(coding) ?? weights.get('*') ?? 0) > 0;
}

/** Those members of the field whose codings are among `known`; `identity` if there is none. */
export function acceptedAmong(acceptEncoding: string, known: readonly string[]): string {
  const isKnown = (text: string): boolean =>
    [...known, 'identity'].includes(text.split(';', 1)[0]?.trim().toLowerCase() ?? '');
  return splitList(acceptEncoding).filter(isKnown).join(', ') || 'identity';
}

function weightsOf(value: string | undefined): Map<string, number> | undefined {
  if (value === undefined) return undefined;
  const weights = new Map<string, number>();
  for (const text of splitList(value)) {
    const match = member.exec(text);
    if (match === null) return undefined;
    const name = (match[1] as string).toLowerCase();
    weights.set(name === 'x-gzip' ? 'gzip' : name, Number(match[2] ?? 1));
  }
  return weights;
}

/** Types that compress well; others are already compressed or gain nothing. */
const compressible =
  /^(?:text\/|application\/(?:json|javascript|xml|graphql|x-ndjson|x-javascript|manifest\+json|wasm)\b|image\/(?:svg\+xml|bmp|x-icon)\b|[^/;]+\/[^;]*\+(?:json|xml|text)\b)/i;

export function isCompressible(contentType: string | undefined): boolean {
  return contentType !== undefined && compressible.test(contentType.trim());
}
