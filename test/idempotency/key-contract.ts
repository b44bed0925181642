import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import type { KeptAnswer } from '../../src/idempotency/key-state.ts';
import type { KeyClaim, KeyStore } from '../../src/idempotency/key-store.ts';
import { until } from '../support/barrier.ts';

const long = 60_000;

export function claimOf(more: Partial<KeyClaim> = {}): KeyClaim {
  const owner = randomUUID();
  return { id: 'k', fingerprint: 'f', owner, keepMs: long, leaseMs: long, address: '::1', ...more };
}

export const answer: KeptAnswer = {
  status: 201,
  lines: ['Content-Type', 'application/json', 'X-Name', 'Jérôme'],
  body: Buffer.from([0, 255, 10, 13]),
};

/** What every store of keys does. `advance` lets time pass, where the store's time is the test's. */
export function keyStoreContract(open: () => KeyStore, advance: (ms: number) => void): void {
  const unused = (): string => randomUUID();

  test('the first claim owns the key, and the others wait', async () => {
    const store = open();
    const id = unused();
    expect(await store.claim(claimOf({ id }))).toEqual({ kind: 'first' });
    expect(await store.claim(claimOf({ id }))).toEqual({ kind: 'underWay' });
  });

  test('of many claims at once, one is first', async () => {
    const store = open();
    const id = unused();
    const verdicts = await Promise.all(Array.from({ length: 200 }, () => store.claim(claimOf({ id }))));
    expect(verdicts.filter(({ kind }) => kind === 'first')).toHaveLength(1);
    expect(verdicts.filter(({ kind }) => kind === 'underWay')).toHaveLength(199);
  });

  test('another payload is told so, before and after the answer', async () => {
    const store = open();
    const claim = claimOf({ id: unused() });
    const other = { ...claim, fingerprint: 'g', owner: 'other' };
    await store.claim(claim);
    expect(await store.claim(other)).toEqual({ kind: 'otherPayload' });
    await store.settle(claim, { kind: 'answered', answer });
    expect(await store.claim(other)).toEqual({ kind: 'otherPayload' });
  });

  test('the answer is kept byte for byte', async () => {
    const store = open();
    const claim = claimOf({ id: unused() });
    await store.claim(claim);
    await store.settle(claim, { kind: 'answered', answer });
    expect(await store.claim(claimOf({ id: claim.id }))).toEqual({ kind: 'answered', answer });
  });

  test('an answer without content is kept, and differs from one that was not kept', async () => {
    const store = open();
    for (const body of [Buffer.alloc(0), undefined]) {
      const claim = claimOf({ id: unused() });
      await store.claim(claim);
      await store.settle(claim, { kind: 'answered', answer: { status: 204, lines: [], body } });
      const kept = { status: 204, lines: [], body };
      expect(await store.claim(claimOf({ id: claim.id }))).toEqual({ kind: 'answered', answer: kept });
    }
  });

  test('a write that was not carried out gives its key back', async () => {
    const store = open();
    const claim = claimOf({ id: unused() });
    await store.claim(claim);
    await store.settle(claim, { kind: 'notRun' });
    expect(await store.claim(claimOf({ id: claim.id, fingerprint: 'another' }))).toEqual({ kind: 'first' });
  });

  test('a write of unknown outcome keeps its key, and nobody carries it out again', async () => {
    const store = open();
    const claim = claimOf({ id: unused() });
    await store.claim(claim);
    await store.settle(claim, { kind: 'unknown' });
    expect(await store.claim(claimOf({ id: claim.id }))).toEqual({ kind: 'unknown' });
  });

  test('nobody but the owner settles or renews', async () => {
    const store = open();
    const claim = claimOf({ id: unused(), leaseMs: 1 });
    await store.claim(claim);
    const other = { ...claim, owner: 'other', leaseMs: long };
    await store.settle(other, { kind: 'notRun' });
    await store.settle(other, { kind: 'answered', answer });
    await store.renew(other);
    advance(10);
    await until(async () => (await store.claim(claimOf({ id: claim.id }))).kind === 'unknown', 'the lease to end');
  });

  test('without a sign of life of the owner the outcome is unknown; the owner can still say how it ended', async () => {
    const store = open();
    const claim = claimOf({ id: unused(), leaseMs: 1 });
    await store.claim(claim);
    advance(10);
    await until(async () => (await store.claim(claimOf({ id: claim.id }))).kind === 'unknown', 'the lease to end');
    await store.settle(claim, { kind: 'answered', answer });
    expect(await store.claim(claimOf({ id: claim.id }))).toMatchObject({ kind: 'answered' });
  });

  test('a renewed lease keeps the key under way', async () => {
    const store = open();
    const claim = claimOf({ id: unused(), leaseMs: 1 });
    await store.claim(claim);
    await store.renew({ ...claim, leaseMs: long });
    advance(10);
    expect(await store.claim(claimOf({ id: claim.id }))).toEqual({ kind: 'underWay' });
  });

  test('a key is forgotten when its time is over', async () => {
    const store = open();
    const claim = claimOf({ id: unused(), keepMs: 20 });
    await store.claim(claim);
    await store.settle(claim, { kind: 'answered', answer });
    advance(30);
    const again = claimOf({ id: claim.id });
    await until(async () => (await store.claim(again)).kind === 'first', 'the key to be forgotten');
  });

  /** Resolves once a key that is kept for as long as `like` is forgotten: an earlier one would be, too. */
  async function outlast(store: KeyStore, like: KeyClaim): Promise<void> {
    const claim = { ...like, id: unused(), owner: randomUUID(), leaseMs: 0 };
    await store.claim(claim);
    advance(claim.keepMs + 1);
    const again = claimOf({ id: claim.id, fingerprint: 'another' });
    await until(async () => (await store.claim(again)).kind === 'first', 'the key to be forgotten');
  }

  test('however short it is kept, a key is not forgotten while its request is under way', async () => {
    const store = open();
    const claim = claimOf({ id: unused(), keepMs: 20 });
    const retry = claimOf({ id: claim.id });
    await store.claim(claim);
    await outlast(store, claim);
    expect(await store.claim(retry)).toEqual({ kind: 'underWay' });
    await store.renew(claim);
    await outlast(store, claim);
    expect(await store.claim(retry)).toEqual({ kind: 'underWay' });
  });

  test.each([
    ['still under way', (store: KeyStore, claim: KeyClaim) => store.renew(claim), 'underWay'],
    ['unknown', (store: KeyStore, claim: KeyClaim) => store.settle(claim, { kind: 'unknown' }), 'unknown'],
    ['answered', (store: KeyStore, claim: KeyClaim) => store.settle(claim, { kind: 'answered', answer }), 'answered'],
    ['not carried out', (store: KeyStore, claim: KeyClaim) => store.settle(claim, { kind: 'notRun' }), 'first'],
  ] as const)('a key that was lost is %s, if its owner says so', async (_, say, expected) => {
    const store = open();
    const lost = claimOf({ id: unused(), keepMs: 1, leaseMs: 0 });
    await store.claim(lost);
    await outlast(store, lost);
    const claim = { ...lost, keepMs: long, leaseMs: long };
    await say(store, claim);
    expect((await store.claim(claimOf({ id: claim.id }))).kind).toBe(expected);
    const other = await store.claim(claimOf({ id: claim.id, fingerprint: 'another' }));
    expect(other.kind).toBe('otherPayload');
  });

  test('an answer is final', async () => {
    const store = open();
    const claim = claimOf({ id: unused() });
    await store.claim(claim);
    await store.settle(claim, { kind: 'answered', answer });
    await store.settle(claim, { kind: 'notRun' });
    await store.renew(claim);
    expect(await store.claim(claimOf({ id: claim.id }))).toMatchObject({ kind: 'answered' });
  });
}
