import { expect, test } from 'vitest';
import { type Page, pageAt } from '../../demo/api/pages.ts';

const page: Page = { headers: { etag: '"a"', 'content-type': 'text/html' }, body: Buffer.from('page') };
const pages = new Map([['/demo/', page]]);

test.each([
  ['a page', 'GET', '/demo/', {}, 200],
  ['a page with a query', 'GET', '/demo/?step=7', {}, 200],
  ['its head', 'HEAD', '/demo/', {}, 200],
  ['what the browser has', 'GET', '/demo/', { 'if-none-match': '"a"' }, 304],
  ['another version', 'GET', '/demo/', { 'if-none-match': '"b"' }, 200],
  ['a write', 'POST', '/demo/', {}, undefined],
  ['another path', 'GET', '/steps/7', {}, undefined],
])('%s', (_, method, url, fields, status) => {
  expect(pageAt(pages, { method, url }, fields)?.status).toBe(status);
});
