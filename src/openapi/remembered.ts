/** Bounds what a large description makes. */
const MAX_REMEMBERED = 50_000;

/** A function of a text, called often with the same ones. */
export function remembered<T>(make: (text: string) => T): (text: string) => T {
  const known = new Map<string, T>();
  return (text) => {
    let value = known.get(text);
    if (value === undefined) {
      if (known.size >= MAX_REMEMBERED) known.clear();
      value = make(text);
      known.set(text, value);
    }
    return value;
  };
}
