import { isDeepStrictEqual } from 'node:util';
import type { Answer } from './client.ts';
import { showBelow, showEvent, showExchange, showKept } from './lines.ts';
import type { EditorsAct, Form } from './scenario.ts';
import { EVENT_WAIT_MS, type Stage } from './stage.ts';
import { editedView } from './views.ts';

type Row = Readonly<Record<string, unknown>>;

/** A form that was sent, and how that was answered. */
interface Saved {
  readonly form: Form;
  /** For the screen. */
  readonly sent: string;
  readonly answer: Answer;
}

/** A member that is not as it was saved. Without an editor, nobody has changed it. */
interface Loss {
  readonly editor: string | undefined;
  readonly member: string;
}

/** Members that the API requires in every PUT of an accommodation. */
const REQUIRED = ['stepId', 'name'];
/** Members that the API itself changes with every write. */
const MOVING: ReadonlySet<string> = new Set(['version', 'updatedAt']);

/**
 * Plays the same forms twice: on the API itself, to which an ordinary cache passes writes on as they are, and, once the
 * row is as it was before, through unstale. A form that is refused with 412 is not lost: its editor is told.
 */
export async function playEditors(
  act: EditorsAct,
  stage: Stage,
): Promise<{ ordinaryLost: number; problems: readonly string[] }> {
  const { gateway, api, client, screen } = stage;
  const question = { method: 'GET', target: act.target };
  const before = rowOf(await client.ask(api, question));
  const ordinarily = await saveForms(act, api, stage);
  const ordinaryLosses = lossesOf(before, ordinarily, rowOf(await client.ask(api, question)));
  await client.ask(api, { method: 'PUT', target: act.target, body: before });

  const opened = await client.ask(gateway, question);
  showExchange(screen, question, opened);
  showBelow(screen, editedView(opened));
  const { saved, problems } = await saveAndShow(act, stage);
  const read = await client.ask(gateway, question);
  showExchange(screen, question, read);
  const losses = lossesOf(before, saved, rowOf(read));
  if (losses.length > 0) problems.push(`PUT ${act.target} has lost ${textOf(losses)}`);
  showKept(screen, { cache: 'unstale', isKept: losses.length === 0, text: textOf(losses) || editedView(read) });
  const isOrdinaryKept = ordinaryLosses.length === 0;
  showKept(screen, { cache: 'ordinary cache', isKept: isOrdinaryKept, text: textOf(ordinaryLosses) });
  return { ordinaryLost: ordinaryLosses.length, problems };
}

/** Saves the forms through the gateway, and shows each exchange and its event. */
async function saveAndShow(act: EditorsAct, stage: Stage): Promise<{ saved: readonly Saved[]; problems: string[] }> {
  const { events, screen } = stage;
  const { target } = act;
  const problems: string[] = [];
  // Awaited before the forms are sent, since events may arrive before the answers.
  const announced = act.forms.map((_, i) => {
    let seen = 0;
    const isOfAct = ({ cause }: { cause: { path: string } }) => cause.path === target && seen++ === i;
    return events.next(isOfAct, EVENT_WAIT_MS);
  });
  const saved = await saveForms(act, stage.gateway, stage);
  for (const { sent, answer } of saved) {
    showExchange(screen, { method: 'PUT', target }, answer);
    showBelow(screen, sent);
    if (answer.status >= 400) showBelow(screen, editedView(answer));
    if (answer.status >= 400 && answer.status !== 412) problems.push(`PUT ${target} was answered ${answer.status}`);
  }
  for (const next of announced.slice(0, saved.filter(isAccepted).length)) {
    const event = await next;
    if (event === undefined) problems.push(`PUT ${target} was not announced`);
    else showEvent(screen, event);
  }
  return { saved, problems };
}

/** Every editor reads the row before any of them saves it. In the order of the answers. */
async function saveForms(
  { target, forms, save }: EditorsAct,
  base: string,
  { client }: Stage,
): Promise<readonly Saved[]> {
  const opened = await client.ask(base, { method: 'GET', target });
  const row = rowOf(opened);
  const { etag } = opened.headers;
  const saved: Saved[] = [];
  if (save === 'partsAtOnce') {
    const required = Object.fromEntries(REQUIRED.map((member) => [member, row[member]]));
    const send = async (form: Form) => {
      const body = { ...required, ...form.changes };
      const answer = await client.ask(base, { method: 'PUT', target, body });
      saved.push({ form, answer, sent: `${form.editor}: ${JSON.stringify(body)}` });
    };
    await Promise.all(forms.map(send));
    return saved;
  }
  const headers: Record<string, string> = etag === undefined ? {} : { 'if-match': etag };
  for (const form of forms) {
    const answer = await client.ask(base, { method: 'PUT', target, headers, body: { ...row, ...form.changes } });
    const sent = `${form.editor}: ${JSON.stringify(form.changes)} and the rest as it was read; If-Match: ${etag}`;
    saved.push({ form, answer, sent });
  }
  return saved;
}

/** What differs from the row as it was with all that editors were told is saved. */
function lossesOf(before: Row, saved: readonly Saved[], after: Row): readonly Loss[] {
  const accepted = saved.filter(isAccepted).map(({ form }) => form);
  const expected: Row = Object.assign({}, before, ...accepted.map(({ changes }) => changes));
  return Object.keys(expected)
    .filter((member) => !MOVING.has(member) && !isDeepStrictEqual(after[member], expected[member]))
    .map((member) => ({ member, editor: accepted.find(({ changes }) => member in changes)?.editor }));
}

/** `Ada's nights; priceCents, createdAt that nobody has changed` */
function textOf(losses: readonly Loss[]): string {
  const saved = losses.flatMap(({ editor, member }) => (editor === undefined ? [] : [`${editor}'s ${member}`]));
  const untouched = losses.flatMap(({ editor, member }) => (editor === undefined ? [member] : []));
  const rest = untouched.length === 0 ? [] : [`${untouched.join(', ')}, which nobody has changed`];
  return [...saved, ...rest].join('; ');
}

function isAccepted({ answer }: Saved): boolean {
  return answer.status >= 200 && answer.status < 300;
}

function rowOf({ text }: Answer): Row {
  return JSON.parse(text);
}
