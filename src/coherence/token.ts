/** A place in a log, as clients carry it: `epoch-seq`. Neither part holds a hyphen. */
export function parseToken(token: string): { epoch: string; seq: number } | undefined {
  const found = /^([A-Za-z0-9_]+)-(\d{1,15})$/.exec(token);
  return found === null ? undefined : { epoch: found[1] as string, seq: Number(found[2]) };
}
