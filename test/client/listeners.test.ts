import { expect, test, vi } from 'vitest';
import { Backlog, Told } from '../../src/client/listeners.ts';
import { World } from './world.ts';

const path = (n: number): string => `/${n}`;

test('a reader of the iterator that is too slow is told to resync, and goes on from there', async () => {
  const world = new World(() => 0.5);
  const { live } = world.open({ bufferSize: 3 });
  await world.pass(1_000);
  const items = live[Symbol.asyncIterator]();
  for (let n = 1; n <= 4; n++) world.write(path(n));
  await world.settle();
  world.write('/late');
  await world.settle();
  const told: (string | undefined)[] = [];
  for (let n = 0; n < 2; n++) {
    const { value } = await items.next();
    told.push(value?.type === 'resync' ? `resync: ${value.reason}, after ${value.id}` : value?.id);
  }
  expect(told).toEqual(['resync: overflow, after e1-4', 'e1-5']);
});

test('a resync in place of what a slow reader has not read leaves it the last of each status', () => {
  const backlog = new Backlog(3);
  const event = { paths: [], tags: [], cause: { method: 'PUT', path: '/', rule: null }, at: '' };
  const status = (type: string, tag: string): void =>
    backlog.put({ ...event, id: 'e-1', type, tags: [tag], isStatus: true });
  status('origin.up', 'unstale:origin:a');
  status('origin.up', 'unstale:origin:b');
  status('origin.down', 'unstale:origin:a');
  backlog.put({ ...event, id: 'e-2', type: 'invalidate' });
  const left = Array.from({ length: 4 }, () => backlog.take());
  expect(left.map((item) => item && [item.type, ...item.tags])).toEqual([
    ['resync', '*'],
    ['origin.down', 'unstale:origin:a'],
    ['origin.up', 'unstale:origin:b'],
    undefined,
  ]);
});

test('an iterator that is given back before it was read hears nothing any more', async () => {
  const world = new World(() => 0.5);
  const { live } = world.open();
  await world.pass(1_000);
  const put = vi.spyOn(Backlog.prototype, 'put');
  try {
    await live[Symbol.asyncIterator]().return?.(undefined);
    world.write('/a');
    await world.settle();
    expect(live.lastEventId).toBe('e1-1');
    expect(put).not.toHaveBeenCalled();
  } finally {
    put.mockRestore();
  }
});

test('an iterator hears from the moment at which it is asked for', async () => {
  const world = new World(() => 0.5);
  const { live } = world.open();
  await world.pass(1_000);
  const items = live[Symbol.asyncIterator]();
  world.write('/a');
  await world.settle();
  expect((await items.next()).value?.id).toBe('e1-1');
});

test('an iterator ends when the connection is closed, and leaves nothing behind when it is left', async () => {
  const world = new World(() => 0.5);
  const { live } = world.open();
  await world.pass(1_000);
  const reading = (async () => {
    const told: unknown[] = [];
    for await (const event of live) told.push([event.id, event.type, event.paths, event.tags, event.cause?.method]);
    return told;
  })();
  await world.settle();
  world.write('/a');
  await world.settle();
  live.close();
  expect(await reading).toEqual([['e1-1', 'invalidate', ['/a'], [], 'PUT']]);
  expect(live.state).toBe('stopped');
});

test('a listener that throws is a warning with the event; others are told', async () => {
  const world = new World(() => 0.5);
  const { live } = world.open();
  const warnings: unknown[] = [];
  const told: string[] = [];
  live.on('event', () => {
    throw new Error('a bug');
  });
  live.on('event', ({ id }) => void told.push(id));
  live.on('warning', (warning) => void warnings.push(warning));
  await world.pass(1_000);
  world.write('/a');
  await world.settle();
  expect(told).toEqual(['e1-1']);
  expect(warnings).toMatchObject([{ code: 'listener', id: 'e1-1', error: new Error('a bug') }]);
});

test('a warning that nobody listens to is on the console', () => {
  const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
  try {
    const told = new Told();
    told.tell('warning', { code: 'auth', message: 'auth() failed' });
    expect(warn).toHaveBeenCalledTimes(1);
    told.on('warning', () => {});
    told.tell('warning', { code: 'auth', message: 'auth() failed' });
    expect(warn).toHaveBeenCalledTimes(1);
  } finally {
    warn.mockRestore();
  }
});

test('a listener that was removed is not told', async () => {
  const world = new World(() => 0.5);
  const { live } = world.open();
  const told: string[] = [];
  const remove = live.on('event', ({ id }) => void told.push(id));
  await world.pass(1_000);
  world.write('/a');
  await world.settle();
  remove();
  world.write('/a');
  await world.settle();
  expect(told).toEqual(['e1-1']);
});
