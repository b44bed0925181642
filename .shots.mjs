import { chromium } from 'playwright-core';
const url = process.argv[2] ?? 'http://127.0.0.1:18180';
const b = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--disable-dev-shm-usage'] });
for (const [name, opts] of Object.entries({
  phone: { viewport: { width: 390, height: 844 }, deviceScaleFactor: 1 },
  desktop: { viewport: { width: 1280, height: 900 } },
  dark: { viewport: { width: 1280, height: 900 }, colorScheme: 'dark' },
})) {
  const c = await b.newContext(opts);
  const p = await c.newPage();
  p.on('console', (m) => console.log(name, m.type(), m.text()));
  p.on('pageerror', (e) => console.log(name, 'error', String(e)));
  const r = await p.goto(url + '/demo/');
  console.log(name, r.status());
  const frame = p.frames()[1];
  await frame.waitForSelector('[data-state=live]', { timeout: 60000 });
  await p.frames()[2].waitForSelector('[data-state=live]', { timeout: 60000 });
  for (const dir of ['more', 'less']) { await frame.click(`button[aria-label^="One night ${dir}"]`); await p.waitForTimeout(1500); }
  await p.waitForTimeout(2500);
  await p.screenshot({ path: `/tmp/kit-${name}.png`, fullPage: true });
  await c.close();
}
await b.close();
