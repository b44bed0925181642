import { performance } from 'node:perf_hooks';
import type { Answer } from './client.ts';
import { playEditors } from './editors.ts';
import { showBelow, showEvent, showExchange, showServed } from './lines.ts';
import { OrdinaryCache } from './ordinary-cache.ts';
import type { Act, Read, StaleAct } from './scenario.ts';
import { EVENT_WAIT_MS, type Stage } from './stage.ts';

export interface Tally {
  /** Reads after a write. */
  readonly reads: number;
  /** How many of these reads an ordinary cache answered with an old copy. */
  readonly ordinaryOld: number;
  /** How many members were lost that editors had saved, or that nobody had touched, where an ordinary cache stood. */
  readonly ordinaryLost: number;
  /** Failed checks, one line each. */
  readonly problems: readonly string[];
}

interface Count {
  reads: number;
  ordinaryOld: number;
  ordinaryLost: number;
  problems: string[];
}

/**
 * Plays the acts on the screen and checks them: each read after a write is compared with the API's own answer.
 * @throws errors of the connections to the gateway and the API
 */
export async function play(acts: readonly Act[], stage: Stage): Promise<Tally> {
  const count: Count = { reads: 0, ordinaryOld: 0, ordinaryLost: 0, problems: [] };
  for (const [i, act] of acts.entries()) {
    stage.screen.line(stage.screen.paint('bold', `${i + 1}  ${act.title}`));
    stage.screen.line(stage.screen.paint('dim', `   ${act.why}`));
    stage.screen.line();
    if (act.kind === 'stale') await playStale(act, stage, count);
    else {
      const { ordinaryLost, problems } = await playEditors(act, stage);
      count.ordinaryLost += ordinaryLost;
      count.problems.push(...problems);
    }
    stage.screen.line();
  }
  return count;
}

async function playStale(act: StaleAct, stage: Stage, count: Count): Promise<void> {
  // As cold as the gateway: it has seen only the reads of this act.
  const ordinary = new OrdinaryCache(stage.client, stage.api);
  for (const read of act.reads) {
    await warm(read, stage, count);
    await ordinary.read(questionOf(read));
  }
  ordinary.noteWrite(act.write.target, await write(act.write, stage, count));
  for (const read of act.reads) await compare(read, ordinary, stage, count);
}

/** Reads until the gateway has stored the response. One read is enough if a previous act stored it. */
async function warm(read: Read, { gateway, client, screen }: Stage, count: Count): Promise<void> {
  const first = await client.ask(gateway, questionOf(read));
  showExchange(screen, { method: 'GET', target: labelOf(read) }, first);
  showBelow(screen, read.view(first));
  if (isHit(first)) return;
  const second = await client.ask(gateway, questionOf(read));
  showExchange(screen, { method: 'GET', target: labelOf(read) }, second);
  if (!isHit(second)) count.problems.push(`GET ${labelOf(read)} was not stored`);
}

async function write(
  write: StaleAct['write'],
  { gateway, client, events, screen }: Stage,
  count: Count,
): Promise<Answer> {
  const { method, target, body } = write;
  const isOfWrite = ({ cause }: { cause: { method: string; path: string } }) =>
    cause.method === method && cause.path === target;
  // Awaited before the write is sent, since the event may arrive before the answer.
  const announced = events.next(isOfWrite, EVENT_WAIT_MS);
  const sentAt = performance.now();
  const answer = await client.ask(gateway, write);
  showExchange(screen, write, answer);
  if (body !== undefined) showBelow(screen, JSON.stringify(body));
  if (answer.status >= 400) {
    count.problems.push(`${method} ${target} was answered ${answer.status}`);
    return answer;
  }
  const event = await announced;
  if (event === undefined) count.problems.push(`${method} ${target} was not announced`);
  else showEvent(screen, event, event.arrivedAt - sentAt);
  return answer;
}

async function compare(read: Read, ordinary: OrdinaryCache, stage: Stage, count: Count): Promise<void> {
  const { gateway, api, client, screen } = stage;
  const question = questionOf(read);
  const served = await client.ask(gateway, question);
  const ordinarily = await ordinary.read(question);
  const truth = await client.ask(api, question);
  const isCurrent = isSame(served, truth);
  const isOrdinaryCurrent = isSame(ordinarily.answer, truth);
  count.reads += 1;
  if (!isCurrent) count.problems.push(`GET ${labelOf(read)} was answered with an old copy`);
  if (!isOrdinaryCurrent) count.ordinaryOld += 1;
  showExchange(screen, { method: 'GET', target: labelOf(read) }, served);
  showServed(screen, { cache: 'unstale', view: read.view(served), isCurrent });
  const seconds = Math.floor(ordinarily.freshForMs / 1000);
  showServed(screen, {
    cache: 'ordinary cache',
    view: read.view(ordinarily.answer),
    isCurrent: isOrdinaryCurrent,
    ...(isOrdinaryCurrent ? {} : { remark: `(for another ${seconds} s)` }),
  });
}

function questionOf({ target, language }: Read) {
  return { method: 'GET', target, headers: { 'accept-language': language } };
}

function labelOf({ target, language }: Read): string {
  return language === 'en' ? target : `${target} (${language})`;
}

function isHit({ headers }: Answer): boolean {
  return /^unstale; hit\b/.test(String(headers['cache-status']));
}

function isSame(a: Answer, b: Answer): boolean {
  return a.status === b.status && a.text === b.text;
}
