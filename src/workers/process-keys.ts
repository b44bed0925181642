import type { KeptAnswer, Settlement } from '../idempotency/key-state.ts';
import type { KeyClaim, KeyStore } from '../idempotency/key-store.ts';
import type { Question, Questions, StepReply } from './questions.ts';

/** Steps of idempotency keys. The primary keeps those of all workers. */
type KeyStep = 'claimKey' | 'renewKey' | 'settleKey';
const keySteps: readonly string[] = ['claimKey', 'renewKey', 'settleKey'] satisfies KeyStep[];

type Verdict = Awaited<ReturnType<KeyStore['claim']>>;
/** Messages between processes are JSON. */
type Sent<Told> = Told extends { readonly answer: KeptAnswer }
  ? Omit<Told, 'answer'> & { readonly answer: SentAnswer }
  : Told;
type SentAnswer = Omit<KeptAnswer, 'body'> & { readonly base64: string | null };

/** The idempotency keys of a worker, which are in the primary. */
export class ProcessKeys implements KeyStore {
  readonly #questions: Questions;

  constructor(questions: Questions) {
    this.#questions = questions;
  }

  async claim(claim: KeyClaim): Promise<Verdict> {
    const said = await this.#ask<Sent<Verdict>>('claimKey', claim);
    return said.kind === 'answered' ? { kind: said.kind, answer: received(said.answer) } : said;
  }

  renew(claim: KeyClaim): Promise<void> {
    return this.#ask('renewKey', claim);
  }

  settle(claim: KeyClaim, settlement: Settlement): Promise<void> {
    return this.#ask('settleKey', claim, sent(settlement));
  }

  #ask<T>(step: KeyStep, ...args: readonly unknown[]): Promise<T> {
    return this.#questions.ask(step, ...args);
  }
}

export const isKeyQuestion = ({ step }: Question): boolean => keySteps.includes(step);

/** In the primary: answers what a worker asks of the keys. */
export async function answerOfKeys(store: KeyStore, { id, step, args }: Question): Promise<StepReply> {
  const [claim, settlement] = args as [KeyClaim, Sent<Settlement>];
  const told = (value?: unknown): StepReply => ({ unstale: 'told', id, value });
  if (step === 'claimKey') return told(sent(await store.claim(claim)));
  if (step === 'renewKey') return told(await store.renew(claim));
  const { kind } = settlement;
  return told(
    await store.settle(claim, kind === 'answered' ? { kind, answer: received(settlement.answer) } : settlement),
  );
}

function sent<Told extends { readonly kind: string; readonly answer?: KeptAnswer }>(told: Told): unknown {
  if (told.answer === undefined) return told;
  const { body, ...rest } = told.answer;
  return { ...told, answer: { ...rest, base64: body?.toString('base64') ?? null } };
}

function received({ base64, ...rest }: SentAnswer): KeptAnswer {
  return { ...rest, body: base64 === null ? undefined : Buffer.from(base64, 'base64') };
}
