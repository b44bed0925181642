import { type Problem, positionOf } from './problem.ts';

const red = '\u001b[31m';
const yellow = '\u001b[33m';
const bold = '\u001b[1m';
const dim = '\u001b[2m';
const reset = '\u001b[0m';

/** The longest part of a source line shown on either side of the caret. */
const MAX_EXCERPT = 100;

/**
 * Formats problems for people:
 *
 *     gateway.yaml:12:10: "60" has no unit
 *         ttl: 60
 *              ^
 *       hint: write 60s
 */
export function formatProblems(problems: readonly Problem[], { color }: { color: boolean }): string {
  const paint = (code: string, text: string) => (color ? `${code}${text}${reset}` : text);
  return problems
    .map((problem) => {
      const mark = problem.severity === 'warning' ? paint(yellow, 'warning: ') : paint(red, 'error: ');
      const lines = [
        `${paint(bold, `${positionOf(problem)}:`)} ${mark}${problem.message}${inProfiles(problem)}${problem.code === undefined ? '' : ` [${problem.code}]`}`,
      ];
      const { text, caret } = excerptOf(problem);
      if (text.trim() !== '') lines.push(`  ${paint(dim, text)}`, `  ${caret}`);
      lines.push(`  hint: ${problem.hint}`);
      return `${lines.join('\n')}\n`;
    })
    .join('');
}

function inProfiles({ profiles = [] }: Problem): string {
  return profiles.length === 0 ? '' : ` (profile ${profiles.join(', ')})`;
}

function excerptOf({ excerpt, column }: Problem): { text: string; caret: string } {
  const from = Math.max(0, column - 1 - MAX_EXCERPT);
  const text = excerpt.slice(from, column - 1 + MAX_EXCERPT);
  // The width of a tab depends on the terminal, so the caret's line repeats the tabs.
  const before = text.slice(0, column - 1 - from).replace(/[^\t]/g, ' ');
  return { text, caret: `${before}^` };
}
