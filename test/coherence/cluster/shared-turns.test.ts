import { describe, expect, test } from 'vitest';
import type { Bus } from '../../../src/coherence/bus.ts';
import { BusOver } from '../../../src/coherence/bus-over.ts';
import type { SharedTurn } from '../../../src/coherence/log.ts';
import { hitting, writeTo } from '../log-contract.ts';
import { LEASE_MS, type SimulatedLog, SimulatedRig, three } from './simulated-rig.ts';

/* Turns of several nodes, in virtual time. */

const PATIENCE_MS = 10_000;

/** What a node that asks for its turn gets, as soon as it gets it. */
interface Asking {
  turn: SharedTurn | undefined;
  refused: { readonly code?: string } | undefined;
}

function asks({ log }: SimulatedLog, resource = '/a', waitMs = PATIENCE_MS): Asking {
  const asking: Asking = { turn: undefined, refused: undefined };
  log.turn(resource, waitMs).then(
    (turn) => {
      asking.turn = turn;
    },
    (error: { code: string }) => {
      asking.refused = error;
    },
  );
  return asking;
}

/** Tells of the log only so far. */
class LaggingBus extends BusOver {
  to = Number.POSITIVE_INFINITY;

  override async read(...args: Parameters<Bus['read']>): ReturnType<Bus['read']> {
    const answer = await this.bus.read(...args);
    return answer.ok ? { ...answer, entries: answer.entries.filter(({ seq }) => seq <= this.to) } : answer;
  }
}

/** A node that has the turn, another one, and one that hears of the log late. */
async function withLaggingNode() {
  const rig = new SimulatedRig();
  const [holder, other] = [await rig.open(), await rig.open()];
  const lagging: LaggingBus[] = [];
  const next = rig.start({}, (bus) => {
    lagging.push(new LaggingBus(bus));
    return lagging[0] as LaggingBus;
  });
  await rig.until(() => next.log.serving());
  await rig.pass(3 * LEASE_MS);
  const held = asks(holder);
  await rig.until(() => has(held));
  return { rig, holder, other, next, held, reading: lagging[0] as LaggingBus };
}

const has = (asking: Asking): boolean => asking.turn !== undefined;

describe('turns among nodes', () => {
  test('one node has it at a time, in the order in which they asked', async () => {
    const { rig, nodes } = await three();
    const first = asks(nodes[0]);
    await rig.until(() => has(first));
    const second = asks(nodes[1]);
    await rig.pass(50);
    const third = asks(nodes[2]);
    const other = asks(nodes[2], '/b');
    await rig.until(() => has(other));
    await rig.pass(5 * LEASE_MS);
    expect([first.turn?.holds(), has(second), has(third)]).toEqual([true, false, false]);
    first.turn?.end();
    await rig.until(() => has(second));
    await rig.pass(5 * LEASE_MS);
    expect(has(third)).toBe(false);
    second.turn?.end();
    await rig.until(() => has(third));
    expect(rig.server.sequencer.intents).toHaveLength(2);
  });

  test('of those who ask at once exactly one has it, whoever that is', async () => {
    for (let round = 0; round < 10; round++) {
      const { rig, nodes } = await three();
      const all = nodes.map((node) => asks(node));
      const had: Asking[] = [];
      while (had.length < 3) {
        await rig.until(() => {
          for (const [i, each] of all.entries()) {
            if (each.refused === undefined) continue;
            // A step that was lost on the way: the node may ask again.
            expect(each.refused.code).toBe('uncoordinated');
            all[i] = asks(nodes[i] as SimulatedLog);
          }
          return all.some((each) => has(each) && !had.includes(each));
        });
        await rig.pass(3 * LEASE_MS);
        const now = all.filter((each) => has(each) && !had.includes(each));
        expect(now).toHaveLength(1);
        had.push(...now);
        now[0]?.turn?.end();
      }
      await rig.close();
    }
  });

  test('nobody else has it before the lease of a holder that was cut off has run out', async () => {
    const { rig, nodes } = await three();
    const [holder, next] = nodes;
    const held = asks(holder);
    await rig.until(() => has(held));
    holder.bus.cutUntil = rig.world.now + 20 * LEASE_MS;
    const waiting = asks(next);
    let overlapped = false;
    while (!has(waiting)) {
      await rig.pass(1);
      overlapped ||= has(waiting) && held.turn?.holds() === true;
    }
    expect([overlapped, held.turn?.holds()]).toEqual([false, false]);
  });

  test('a holder that was evicted does not have it again when it is back', async () => {
    const { rig, nodes } = await three();
    const [holder, next] = nodes;
    const held = asks(holder);
    await rig.until(() => has(held));
    holder.bus.cutUntil = rig.world.now + 10 * LEASE_MS;
    const waiting = asks(next);
    await rig.until(() => has(waiting));
    await rig.until(() => holder.log.serving());
    await rig.pass(LEASE_MS);
    expect([held.turn?.holds(), waiting.turn?.holds()]).toEqual([false, true]);
    held.turn?.end();
    await rig.pass(LEASE_MS);
    expect(waiting.turn?.holds()).toBe(true);
  });

  test('one that dies passes it on, and its write stays in quarantine', async () => {
    const { rig, nodes } = await three();
    const [holder, next] = nodes;
    const held = asks(holder);
    await rig.until(() => has(held));
    await rig.wait(holder.log.note(writeTo('/a')));
    holder.process.kill();
    const waiting = asks(next);
    await rig.until(() => has(waiting));
    expect(next.records.some(({ quarantine, coverage }) => quarantine === true && coverage.tags.size > 0)).toBe(true);
  });

  test.each([
    ['asks after that', 0, false],
    // Its turn is recorded before its write.
    ['waits for it, and has applied but the end of its turn', 1, true],
  ])('nobody has it before the write of one that died is in quarantine: who %s', async (_, applied, asksBefore) => {
    const { rig, holder, other, next, reading } = await withLaggingNode();
    await rig.wait(holder.log.note(writeTo('/a')));
    const before = asksBefore ? asks(next) : undefined;
    await rig.pass(LEASE_MS);
    reading.to = next.log.status().applied + applied;
    holder.process.kill();
    const isQuarantined = ({ records }: SimulatedLog): boolean =>
      records.some(({ quarantine, coverage }) => quarantine === true && coverage.tags.size > 0);
    await rig.until(() => isQuarantined(other) && next.log.status().applied === reading.to);
    const waiting = before ?? asks(next);
    await rig.pass(3 * LEASE_MS);
    expect([has(waiting), isQuarantined(next)]).toEqual([false, false]);
    reading.to = Number.POSITIVE_INFINITY;
    await rig.until(() => has(waiting));
    expect(isQuarantined(next)).toBe(true);
  });

  test('it is given up after so long, and then keeps nobody waiting', async () => {
    const { rig, nodes } = await three();
    const held = asks(nodes[0]);
    await rig.until(() => has(held));
    const impatient = asks(nodes[1], '/a', 100);
    await rig.pass(10);
    const waiting = asks(nodes[2]);
    await rig.until(() => impatient.refused !== undefined);
    expect(impatient.refused?.code).toBe('busy');
    held.turn?.end();
    await rig.until(() => has(waiting));
  });

  test('it is given up after so long in all, also while the record of the turn before is not applied yet', async () => {
    const { rig, other, next, held, reading } = await withLaggingNode();
    reading.to = next.log.status().applied;
    // Nobody waits for it: it is committed once the node that lags has applied it.
    other.log.append(hitting('/b')).catch(() => {});
    const startedAt = rig.world.now;
    const impatient = asks(next, '/a', 1_000);
    await rig.pass(900);
    held.turn?.end();
    await rig.until(() => impatient.refused !== undefined || has(impatient));
    expect([has(impatient), rig.world.now - startedAt < 1_200]).toEqual([false, true]);
  });

  test('without the bus it is refused', async () => {
    const rig = new SimulatedRig();
    const node = await rig.open();
    await rig.pass(3 * LEASE_MS);
    node.bus.cutUntil = Number.POSITIVE_INFINITY;
    const asking = asks(node);
    await rig.until(() => asking.refused !== undefined);
    expect(asking.refused?.code).toBe('uncoordinated');
  });

  test('a bus that has forgotten all of it gives it to nobody while the holder may still send', async () => {
    const { rig, nodes } = await three();
    const held = asks(nodes[0]);
    await rig.until(() => has(held));
    nodes[0].bus.cutUntil = rig.world.now + 20 * LEASE_MS;
    rig.server.loseAll();
    let waiting = asks(nodes[1]);
    let overlapped = false;
    while (!has(waiting)) {
      if (waiting.refused !== undefined) waiting = asks(nodes[1]);
      await rig.pass(1);
      overlapped ||= has(waiting) && held.turn?.holds() === true;
      // What it has sent is at the API by then.
      if (held.turn?.holds() === false) held.turn.end();
    }
    expect(overlapped).toBe(false);
  });
});
