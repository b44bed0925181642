import fc from 'fast-check';

/** Any code point, also half of a surrogate pair. `unit: 'binary'` of fc.string() first takes a second to list them. */
export const codePoint = fc.nat({ max: 0x10_ff_ff }).map((code) => String.fromCodePoint(code));
