/** Of a record that is not in the log yet: no epoch is named so, so that a reader who has it is answered by the origin. */
const UNREACHED = 'queued-0';

/** Of a record, and of all that the log's reader has applied beside it: what it waited for is behind it in the log. */
export function tokenFor(id: string | undefined, epoch: string, applied: number): string {
  if (id === undefined) return UNREACHED;
  const at = parseToken(id);
  return at?.epoch === epoch && at.seq < applied ? `${epoch}-${applied}` : id;
}

/** A place in a log, as clients carry it: `epoch-seq`. Neither part holds a hyphen. */
export function parseToken(token: string): { epoch: string; seq: number } | undefined {
  const found = /^([A-Za-z0-9_]+)-(\d{1,15})$/.exec(token);
  return found === null ? undefined : { epoch: found[1] as string, seq: Number(found[2]) };
}
