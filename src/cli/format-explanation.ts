import type { Explanation, ProtectionExplanation, TargetAction, TargetCount } from '../exchange/ports.ts';
import type { PlaceholderExplanation, RuleExplanation } from '../rules/explanation.ts';
import { plural } from './configuration.ts';

/** An explanation for people: the rules, then the targets and events of all of them. */
export function formatExplanation(explanation: Explanation & { readonly stored?: readonly TargetCount[] }): string {
  const { method, path, outcome, reason, rules, implied, targets, actions, events, stored } = explanation;
  const lines = [`${method} ${path}`, `${outcome}: ${reason}`, ''];
  if (explanation.protection !== undefined) lines.push(...protectionLines(explanation.protection), '');
  if (rules.length === 0) lines.push('no rule matches this method and path (--all gives the reasons)', '');
  for (const rule of rules) lines.push(...ruleLines(rule), '');
  if (targets.length === 0) lines.push('nothing is invalidated, and no event is sent');
  else {
    lines.push('invalidates');
    for (const target of targets) {
      const why = implied.includes(target) ? '   (every write does this)' : '';
      const action = actions.find((each) => each.target === target);
      lines.push(`  ${target}${why}${actionOf(action)}${countOf(target, stored)}`);
    }
    lines.push('', 'sends events');
    for (const { type, cause, payload } of events) {
      const carried = payload === undefined ? '' : ` ${JSON.stringify(payload)}`;
      lines.push(`  ${type}${cause.rule === null ? '' : ` (${cause.rule})`}${carried}`);
    }
  }
  return `${lines.join('\n')}\n`;
}

function protectionLines({ entry, at, outcome, reason, ...more }: ProtectionExplanation): string[] {
  const { notes, becomes, differences } = more;
  const lines = [`protected   ${entry}   ${at}`, `    ${outcome}: ${reason}`, ...notes.map((note) => `    ${note}`)];
  if (becomes !== undefined) lines.push(`    the API gets ${becomes}`);
  if (differences?.length === 0) lines.push('    which is what it has');
  for (const { at: member, from, to } of differences ?? []) {
    if (from !== undefined) lines.push(`    - ${member} ${from}`);
    if (to !== undefined) lines.push(`    + ${member} ${to}`);
  }
  return lines;
}

function ruleLines({ rule, on, at, applies, why, placeholders, targets }: RuleExplanation): string[] {
  const head = `${applies ? '✓' : '✗'} ${rule}   ${on}   ${at}`;
  if (!applies) return [head, `    ${why}`];
  return [head, ...placeholders.flatMap(placeholderLines), `    → ${targets.join(', ')}`];
}

function placeholderLines({ target, placeholder, values, sources, unresolved }: PlaceholderExplanation): string[] {
  const came = values === '*' ? '*   (wildcard)' : values === 'dropped' ? 'nothing' : values.join(', ');
  const lines = [`    ${target}`, `      {${placeholder}} = ${came}`];
  for (const { source, values: each, reason } of sources) {
    lines.push(`        ${source}: ${each.length > 0 ? each.join(', ') : reason}`);
  }
  if (unresolved !== undefined) lines.push(`        unresolved: ${unresolved}`);
  return lines;
}

/** What happens in addition to the invalidation, or why it does not. */
function actionOf(action: TargetAction | undefined): string {
  if (action?.action === 'refresh') return '   (refreshed: stored responses are fetched again)';
  if (action?.action === 'patch') return '   (patched in place if the stored response allows it)';
  return action?.why === undefined ? '' : `   (${action.why})`;
}

function countOf(target: string, stored: readonly TargetCount[] | undefined): string {
  const found = stored?.find((each) => each.target === target);
  if (found === undefined) return '';
  const named =
    found.samples.length === 0 ? '' : `: ${found.samples.join(', ')}${found.count > found.samples.length ? ', …' : ''}`;
  return `   ${plural(found.count, 'stored response')}${named}`;
}
