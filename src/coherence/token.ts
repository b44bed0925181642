/**
 * The token of a record that is not in the log yet. No epoch has this name, so its reader is answered by the origin.
 */
const UNREACHED = 'queued-0';

/**
 * A token for a record and all else that this node has applied. Conflicting writes it waited for may be later in the
 * log.
 */
export function tokenFor(id: string | undefined, epoch: string, applied: number): string {
  if (id === undefined) return UNREACHED;
  const at = parseToken(id);
  return at?.epoch === epoch && at.seq < applied ? `${epoch}-${applied}` : id;
}

/** Parses a position token, `epoch-seq`. Neither part contains a hyphen. */
export function parseToken(token: string): { epoch: string; seq: number } | undefined {
  const found = /^([A-Za-z0-9_]+)-(\d{1,15})$/.exec(token);
  return found === null ? undefined : { epoch: found[1] as string, seq: Number(found[2]) };
}
