import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { Client } from '../../demo/player/client.ts';
import { type EventStream, followEvents } from '../../demo/player/event-stream.ts';
import { play, type Tally } from '../../demo/player/play.ts';
import { type Rows, scenario } from '../../demo/player/scenario.ts';
import { Screen } from '../../demo/player/screen.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { travelApi } from '../support/shared.ts';
import { travelClient } from './travel-client.ts';

const api = await travelApi();
const travel = travelClient(api);
const { writes } = parse(readFileSync('gateway.example.yaml', 'utf8')) as { writes: Record<string, unknown>[] };
/** What the demo runs with, as far as its acts need it. */
const asInTheExample = stringify({ writes, include: ['rules/travel.yaml'] });
const without = (key: string): string =>
  stringify({ writes: writes.map(({ [key]: _, ...rest }) => rest), include: ['rules/travel.yaml'] });

let client: Client;
const closers: (() => Promise<void> | void)[] = [];
beforeEach(() => {
  client = new Client();
  closers.push(() => client.close());
});
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** Rows as the seeded ones are, that no other test knows. */
async function ownRows(): Promise<Rows> {
  const { trip, step, other, accommodation } = await travel.ownTrip();
  const own = { stepId: other.id, nights: 3, priceCents: 100, bookingReference: 'A-1', favouriteCount: 2 };
  const created = (name: string) =>
    travel.read<{ id: number }>('POST', '/accommodations', { body: { ...own, name } }).then(({ id }) => id);
  return {
    trip: trip.id,
    step: step.id,
    accommodation: accommodation.id,
    otherStep: other.id,
    doomed: await created('To be deleted'),
    doomedStep: other.id,
    edited: await created('To be edited'),
    editedNext: await created('To be edited next'),
  };
}

async function gatewayWith(yaml: string): Promise<{ gateway: TestGateway; events: EventStream }> {
  const gateway = await startGateway(api, yaml);
  closers.push(() => gateway.stop());
  const events = await followEvents(`${gateway.url}/_unstale/events`);
  closers.push(() => events.close());
  return { gateway, events };
}

async function played(
  rows: Rows,
  { gateway, events }: { gateway: TestGateway; events: EventStream },
): Promise<{ tally: Tally; text: string }> {
  let text = '';
  const screen = new Screen({ write: (more) => (text += more) }, {});
  const tally = await play(scenario(rows), { gateway: gateway.url, api, client, events, screen });
  return { tally, text };
}

test('with its rules, every read after a write is current, where an ordinary cache serves old copies', async () => {
  const rows = await ownRows();
  const { tally, text } = await played(rows, await gatewayWith(asInTheExample));
  expect(tally.problems).toEqual([]);
  // An ordinary cache too has forgotten the accommodation that was deleted.
  expect([tally.reads, tally.ordinaryOld]).toEqual([10, 9]);
  expect(text.match(/^ {11}unstale {9}fresh /gm)).toHaveLength(10);
  expect(text.match(/^ {11}ordinary cache {2}old /gm)).toHaveLength(9);
  expect(text.match(/^ {3}event /gm)).toHaveLength(7);
  const inOrder = [
    `GET     /steps/${rows.step} `,
    'unstale; hit; ttl=59',
    `PUT     /accommodations/${rows.accommodation} `,
    `DELETE  /accommodations/${rows.doomed} `,
    `PATCH   /accommodations/${rows.accommodation} `,
    'POST    /accommodations ',
    'unstale         fresh  1 found: Hotel Tjörnin',
    'ordinary cache  old    an empty list',
    `PUT     /accommodations/${rows.edited} `,
    'unstale         kept   nights 4, notes "Arrives after midnight", bookingReference "A-1", favouriteCount 2',
    `PUT     ${`/accommodations/${rows.editedNext}`.padEnd(26)}412 `,
    'unstale         kept   nights 3, notes "Has a dog", bookingReference "A-1", favouriteCount 2',
    "ordinary cache  lost   Grace's notes",
  ];
  const places = inOrder.map((part) => text.indexOf(part));
  expect(places).toEqual([...places].sort((a, b) => a - b));
  expect(places[0]).toBeGreaterThan(0);
});

test('of two partial forms, an ordinary cache lets the API lose one, and all that neither has', async () => {
  const { tally, text } = await played(await ownRows(), await gatewayWith(asInTheExample));
  // Whichever came first.
  const lost = /^ {11}ordinary cache {2}lost {3}(?:Ada's nights; |Grace's notes; nights, )/m;
  expect(text).toMatch(lost);
  expect(text).toContain('priceCents, bookingReference, favouriteCount, createdAt, which nobody has changed');
  expect(tally.ordinaryLost).toBeGreaterThanOrEqual(6);
});

describe('what is not as promised is said', () => {
  test('members that are lost, by a gateway that does not merge', async () => {
    const rows = await ownRows();
    const { tally, text } = await played(rows, await gatewayWith(without('merge')));
    expect(tally.problems).toEqual([
      expect.stringMatching(`^PUT /accommodations/${rows.edited} has lost .*bookingReference`),
    ]);
    expect(text).toContain('           unstale         lost   ');
  });

  test('an old form that wins, by a gateway that passes conditions on', async () => {
    const rows = await ownRows();
    const { tally } = await played(
      rows,
      await gatewayWith(without('precondition').replace('merge:', 'precondition: off\n    merge:')),
    );
    expect(tally.problems).toEqual([`PUT /accommodations/${rows.editedNext} has lost Grace's notes`]);
  });

  test('old copies, by a gateway without rules', async () => {
    const rows = await ownRows();
    const { tally, text } = await played(rows, await gatewayWith(''));
    expect(tally.problems).toContain(`GET /steps/${rows.step} was answered with an old copy`);
    expect(tally.problems).toContain(`GET /trips/${rows.trip} was answered with an old copy`);
    expect(text).toContain('           unstale         old    ');
  });

  test('responses that are not kept', async () => {
    const rows = await ownRows();
    const stage = await gatewayWith(`routes: [{ match: /accommodations, cache: off }]\n${asInTheExample}`);
    const { tally } = await played(rows, stage);
    expect(tally.problems).toContain(`GET /accommodations?stepId=${rows.step} was not stored`);
  });

  test('writes that are refused', async () => {
    const rows = { ...(await ownRows()), doomed: 999_999_999 };
    const { tally } = await played(rows, await gatewayWith(asInTheExample));
    expect(tally.problems).toEqual(['DELETE /accommodations/999999999 was answered 404']);
  });

  test('events that do not come, once the stream has ended', async () => {
    const stage = await gatewayWith(asInTheExample);
    stage.events.close();
    const rows = await ownRows();
    const { tally } = await played(rows, stage);
    expect(tally.problems).toHaveLength(7);
    expect(tally.problems[0]).toBe(`PUT /accommodations/${rows.accommodation} was not announced`);
  });
});

test('an event stream that the gateway refuses is an error', async () => {
  const gateway = await startGateway(api, 'events: { maxSubscribers: 1 }');
  closers.push(() => gateway.stop());
  const first = await followEvents(`${gateway.url}/_unstale/events`);
  closers.push(() => first.close());
  await expect(followEvents(`${gateway.url}/_unstale/events`)).rejects.toThrow('answered 429');
});
