/** English plurals as APIs use them in paths. Unknown words stay unchanged: people review the draft. */
const irregular = new Map([
  ['people', 'person'],
  ['children', 'child'],
  ['men', 'man'],
  ['women', 'woman'],
  ['media', 'medium'],
  ['data', 'datum'],
  ['indices', 'index'],
  ['series', 'series'],
  ['news', 'news'],
  ['status', 'status'],
  ['address', 'address'],
  ['statuses', 'status'],
  ['buses', 'bus'],
  ['aliases', 'alias'],
  ['movies', 'movie'],
  ['cookies', 'cookie'],
]);

/** `accommodations` → `accommodation`, `categories` → `category`, `order_items` → `order_item`. */
export function singular(word: string): string {
  const [, head = '', tail = word] = /^(.*[_-]|.*[a-z](?=[A-Z]))?(.+)$/.exec(word) ?? [];
  const lower = tail.toLowerCase();
  const known = irregular.get(lower);
  if (known !== undefined) return head + known;
  if (/(?:ss|us|is)$/.test(lower)) return head + tail;
  if (/[^aeiou]ies$/.test(lower)) return `${head}${tail.slice(0, -3)}y`;
  if (/(?:sses|shes|ches|xes|zes)$/.test(lower)) return head + tail.slice(0, -2);
  return lower.endsWith('s') ? head + tail.slice(0, -1) : head + tail;
}

/** The same result for `orderItem`, `order_item` and `order-item`. */
export function plainWord(word: string): string {
  return word
    .replace(/([a-z0-9])([A-Z])/g, '$1-$2')
    .replace(/[^A-Za-z0-9]+/g, '-')
    .toLowerCase()
    .replace(/^-+|-+$/g, '');
}

/** The resource whose id a field contains: `stepId`, `step_id`, `stepIDs` → `step`; undefined for other fields. */
export function idOfWhat(field: string): { readonly resource: string; readonly many: boolean } | undefined {
  const match = /^(.+?)[_-]?(id|ID|Id|uuid|Uuid|UUID)(s?)$/.exec(field);
  const [, name, id, many] = match ?? [];
  if (name === undefined || id === undefined) return undefined;
  // `valid` and `paid` also end in "id".
  if (id === 'id' && !/[_-]$/.test(field.slice(0, field.length - id.length - (many?.length ?? 0)))) return undefined;
  return { resource: plainWord(singular(name)), many: many === 's' };
}

/** Adds to the list under a key. */
export function push<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const known = map.get(key);
  if (known === undefined) map.set(key, [value]);
  else known.push(value);
}
