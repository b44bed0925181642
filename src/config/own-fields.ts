import { ValueError } from './value-error.ts';

/** The gateway sets these itself, or they frame the message. */
const notOwn = new Set([
  ...['host', 'connection', 'content-length', 'transfer-encoding', 'te', 'trailer', 'upgrade', 'expect', 'keep-alive'],
  ...['via', 'forwarded', 'accept', 'accept-encoding', 'range', 'if-none-match', 'if-modified-since'],
]);

/** The name of a field for the gateway's own reads, in lower case. @throws ValueError */
export function parseOwnField(name: string): string {
  const lower = name.toLowerCase();
  if (!/^[a-z0-9!#$%&'*+.^_`|~-]+$/.test(lower)) {
    throw new ValueError(`"${name}" is not the name of a header field`, 'write for example authorization');
  }
  if (notOwn.has(lower)) {
    throw new ValueError(`the gateway sets ${lower} itself`, 'name fields such as authorization or x-api-key');
  }
  return lower;
}

/** Its value; the message does not repeat it. @throws ValueError */
export function parseOwnValue(value: string): string {
  if (/^[!-~](?:[\t -~]*[!-~])?$/.test(value)) return value;
  throw new ValueError('this is not a valid header field value', 'write printable ASCII, without spaces around it');
}
