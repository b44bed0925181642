interface Position {
  readonly epoch: string;
  readonly record: number;
  /** Further events of the same record. */
  readonly further: number;
}

/** `<epoch>-<position>`, or `<epoch>-<position>.<n>` for further events of the same record. */
function positionOf(id: string): Position | undefined {
  const match = /^(.*)-(\d{1,15})(?:\.(\d{1,6}))?$/.exec(id);
  return match === null
    ? undefined
    : { epoch: match[1] as string, record: Number(match[2]), further: Number(match[3] ?? 0) };
}

/** The order of two ids: negative, 0 or positive. Undefined if they cannot be compared: other epochs, or no ids. */
export function compareIds(a: string | undefined, b: string | undefined): number | undefined {
  const left = positionOf(a ?? '');
  const right = positionOf(b ?? '');
  if (left === undefined || left.epoch !== right?.epoch) return undefined;
  return left.record - right.record || left.further - right.further;
}
