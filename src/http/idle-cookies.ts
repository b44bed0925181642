import { Fields, without } from './fields.ts';

/**
 * Cookies that scripts of analytics and advertising set in the browser, and that only these read: no API makes its
 * answer depend on them. A name that ends in `*` stands for all that begin so.
 */
export const commonIdleCookies: readonly string[] = [
  // Google Analytics, Ads and Tag Manager
  ...['_ga', '_ga_*', '_gid', '_gat', '_gat_*', '_gcl_au', '_gcl_aw', '_gcl_dc', '_gac_*'],
  ...['__utma', '__utmb', '__utmc', '__utmt', '__utmv', '__utmz'],
  // Meta, Microsoft, LinkedIn, TikTok, Pinterest
  ...['_fbp', '_fbc', '_clck', '_clsk', '_uetsid', '_uetvid', '_li_fat_id', '_ttp', '_tt_enable_cookie', '_pin_unauth'],
  // Hotjar, Matomo
  ...['_hjid', '_hjSession_*', '_hjSessionUser_*', '_pk_id.*', '_pk_ses.*', '_pk_ref.*'],
];

/** Whether a list of names has a cookie. */
export function isNamed(cookie: string, names: readonly string[]): boolean {
  return names.some((name) => (name.endsWith('*') ? cookie.startsWith(name.slice(0, -1)) : cookie === name));
}

/**
 * The fields without these cookies. They are not forwarded either, so that no answer can depend on them. Whatever
 * another parser would see in the rest is still there, and counts as credentials.
 */
export function withoutCookies(headers: Fields, names: readonly string[]): Fields {
  const sent = headers.get('cookie');
  if (sent === undefined || names.length === 0) return headers;
  const pairs = sent.split(';');
  const kept = pairs.filter((pair) => !isNamed((pair.split('=', 1)[0] as string).trim(), names));
  if (kept.length === pairs.length) return headers;
  const lines = without(headers.lines, (name) => name === 'cookie');
  const rest = kept.join(';').trim();
  return new Fields(rest === '' ? lines : [...lines, 'Cookie', rest]);
}
