/** A range of bytes; both offsets are inclusive. */
export interface ByteRange {
  readonly first: number;
  readonly last: number;
}

/**
 * Parses a `Range` field for a representation of `size` bytes: one range, `unsatisfiable` (416), or `whole` for fields
 * that a server may ignore: other units, a malformed set, several ranges (RFC 9110 §14.2).
 */
export function rangeIn(field: string | undefined, size: number): ByteRange | 'whole' | 'unsatisfiable' {
  const found = /^bytes=\s*(\d*)-(\d*)\s*$/i.exec(field ?? '');
  const [from = '', to = ''] = found?.slice(1) ?? [];
  if (from === '' && to === '') return 'whole';
  // RFC 9110 §14.1.2: `-n` is the last n bytes, or all if there are fewer.
  if (from === '') {
    const length = Number(to);
    return length === 0 || size === 0 ? 'unsatisfiable' : { first: Math.max(0, size - length), last: size - 1 };
  }
  const first = Number(from);
  const last = to === '' ? size - 1 : Number(to);
  if (to !== '' && last < first) return 'whole';
  return first >= size ? 'unsatisfiable' : { first, last: Math.min(last, size - 1) };
}
