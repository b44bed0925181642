import { afterEach, beforeEach, describe, expect, test } from 'vitest';
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
  const body = { stepId: other.id, name: 'To be deleted', nights: 2, priceCents: 1 };
  const doomed = await travel.read<{ id: number }>('POST', '/accommodations', { body });
  return {
    trip: trip.id,
    step: step.id,
    accommodation: accommodation.id,
    otherStep: other.id,
    doomed: doomed.id,
    doomedStep: other.id,
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
  const { tally, text } = await played(rows, await gatewayWith('include: [rules/travel.yaml]'));
  expect(tally.problems).toEqual([]);
  // An ordinary cache too has forgotten the accommodation that was deleted.
  expect([tally.reads, tally.ordinaryOld]).toEqual([10, 9]);
  expect(text.match(/^ {11}unstale {9}fresh /gm)).toHaveLength(10);
  expect(text.match(/^ {11}ordinary cache {2}old /gm)).toHaveLength(9);
  expect(text.match(/^ {3}event /gm)).toHaveLength(4);
  const inOrder = [
    `GET     /steps/${rows.step} `,
    'unstale; hit; ttl=59',
    `PUT     /accommodations/${rows.accommodation} `,
    `DELETE  /accommodations/${rows.doomed} `,
    `PATCH   /accommodations/${rows.accommodation} `,
    'POST    /accommodations ',
    'unstale         fresh  1 found: Hotel Tjörnin',
    'ordinary cache  old    an empty list',
  ];
  const places = inOrder.map((part) => text.indexOf(part));
  expect(places).toEqual([...places].sort((a, b) => a - b));
  expect(places[0]).toBeGreaterThan(0);
});

describe('what is not as promised is said', () => {
  test('old copies, by a gateway without rules', async () => {
    const rows = await ownRows();
    const { tally, text } = await played(rows, await gatewayWith(''));
    expect(tally.problems).toContain(`GET /steps/${rows.step} was answered with an old copy`);
    expect(tally.problems).toContain(`GET /trips/${rows.trip} was answered with an old copy`);
    expect(text).toContain('           unstale         old    ');
  });

  test('responses that are not kept', async () => {
    const rows = await ownRows();
    const stage = await gatewayWith('routes: [{ match: /accommodations, cache: off }]\ninclude: [rules/travel.yaml]');
    const { tally } = await played(rows, stage);
    expect(tally.problems).toContain(`GET /accommodations?stepId=${rows.step} was not stored`);
  });

  test('writes that are refused', async () => {
    const rows = { ...(await ownRows()), doomed: 999_999_999 };
    const { tally } = await played(rows, await gatewayWith('include: [rules/travel.yaml]'));
    expect(tally.problems).toEqual(['DELETE /accommodations/999999999 was answered 404']);
  });

  test('events that do not come, once the stream has ended', async () => {
    const stage = await gatewayWith('include: [rules/travel.yaml]');
    stage.events.close();
    const rows = await ownRows();
    const { tally } = await played(rows, stage);
    expect(tally.problems).toHaveLength(4);
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
