/** What the demo prints: aligned, in colour on a terminal that wants it. */
const colourful = process.stdout.isTTY === true && process.env.NO_COLOR === undefined;
const paint = (code: number, text: string): string => (colourful ? `\u001b[${code}m${text}\u001b[0m` : text);

export const bold = (text: string): string => paint(1, text);
const dim = (text: string): string => paint(2, text);
const green = (text: string): string => paint(32, text);
export const red = (text: string): string => paint(31, text);
export const cyan = (text: string): string => paint(36, text);

export function say(text = ''): void {
  process.stdout.write(`${text}\n`);
}

/** A chapter of the play. */
export function heading(text: string): void {
  say(`\n${bold(text)}`);
}

/** One exchange: request, status, time, and what the cache did. */
export function row(request: string, status: number, ms: number, cache: string): void {
  const time = `${ms.toFixed(1)} ms`.padStart(9);
  say(`  ${request.padEnd(30)} ${String(status).padStart(3)} ${time}  ${cache.includes('hit') ? green(cache) : cache}`);
}

/** A line below an exchange. */
export function note(label: string, text: string): void {
  say(`  ${' '.repeat(4)}${dim(label.padEnd(26))} ${text}`);
}
