import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { MAX_BODY_BYTES } from '../../demo/api/body.ts';
import { MAX_BATCH } from '../../demo/api/crud.ts';
import { startTravelApi, type TravelApi } from '../../demo/api/travel-api.ts';
import { travelSnapshot } from '../support/shared.ts';
import {
  type Child,
  type Dashboard,
  type Extra,
  type Page,
  type Row,
  type Step,
  type TravelClient,
  type Trip,
  travelClient,
} from './travel-client.ts';

const snapshot = await travelSnapshot();
let api: TravelApi;
let client: TravelClient;
beforeAll(async () => {
  api = await startTravelApi({ latencyMs: [0, 0], snapshot });
  client = travelClient(api.url);
});
afterAll(() => api.close());

const ada = { authorization: 'Bearer ada-token' };

describe('every route', () => {
  const json = { 'content-type': 'application/json' };
  test.each<[string, string, number, Extra?]>([
    ['GET', '/trips', 200],
    ['GET', '/trips/3', 200],
    ['GET', '/trips/2147483648', 404],
    ['GET', '/steps?tripId=3', 200],
    ['GET', '/steps/7', 200],
    ['HEAD', '/steps/7', 200],
    ['GET', '/steps/seven', 404],
    ['GET', '/steps/7/', 404],
    ['POST', '/steps/', 404, { body: {} }],
    ['GET', '/steps/6', 404],
    ['GET', '/steps/%zz', 400],
    ['GET', '/steps/7/thumbnail', 404],
    ['DELETE', '/steps/7/thumbnail', 404],
    ['PUT', '/steps/7/thumbnail', 415, { body: 'not an image' }],
    ['PUT', '/steps/6/thumbnail', 404, { headers: { 'content-type': 'image/png' }, body: 'not there' }],
    ['GET', '/accommodations/42', 200],
    ['GET', '/accommodations?page=0', 400],
    ['GET', '/accommodations?perPage=101', 400],
    ['GET', '/accommodations?stepId=seven', 400],
    ['POST', '/accommodations', 422, { body: { stepId: 7 } }],
    ['POST', '/accommodations', 422, { body: { stepId: 6, name: 'Step 6 does not exist' } }],
    ['POST', '/accommodations', 422, { body: { stepId: 7, name: 'A NUL: \u0000' } }],
    ['POST', '/accommodations', 422, { body: { stepId: '7', name: 'A text for an id' } }],
    ['POST', '/accommodations', 422, { body: { stepId: 7, name: null } }],
    ['POST', '/accommodations', 422, { body: { stepId: 7, name: 'Free', priceCents: -1 } }],
    ['POST', '/accommodations', 422, { body: ['an array'] }],
    ['POST', '/accommodations', 400, { headers: json }],
    ['POST', '/accommodations', 415],
    ['POST', '/accommodations', 413, { body: { stepId: 7, name: 'x'.repeat(MAX_BODY_BYTES) } }],
    ['PATCH', '/accommodations/42', 415, { headers: { 'content-type': 'text/plain' }, body: {} }],
    ['PUT', '/accommodations/41', 404, { body: { stepId: 7, name: 'Nowhere' } }],
    ['PATCH', '/accommodations/42', 422, { body: [] }],
    ['PATCH', '/accommodations/42', 422, { body: null }],
    ['PATCH', '/accommodations/41', 404, { body: {} }],
    ['DELETE', '/accommodations/41', 404],
    ['DELETE', '/accommodations', 405],
    ['PATCH', '/trips', 405, { body: [] }],
    ['PURGE', '/steps/7', 405],
    ['GET', '/activities/5', 200],
    ['POST', '/steps', 422, { body: { tripId: 3, title: 'Nowhere', countryCode: 'XX' } }],
    ['POST', '/steps', 422, { body: { tripId: 3, title: 'Never', startsOn: '2027-02-31' } }],
    ['POST', '/steps', 422, { body: { tripId: 3, title: 'Never', startsOn: 'tomorrow' } }],
    ['DELETE', '/trips/3', 409],
    ['GET', '/countries', 200],
    ['GET', '/users/1', 200],
    ['POST', '/users', 409, { body: { name: 'Ada again', email: 'ada@example.org' } }],
    ['GET', '/users/me', 401],
    ['GET', '/users/me', 401, { headers: { authorization: 'Bearer nobody' } }],
    ['GET', '/users/me', 200, { headers: ada }],
    ['DELETE', '/users/me', 405],
    ['GET', '/notifications', 401],
    ['GET', '/notifications', 200, { headers: ada }],
    ['PATCH', '/notifications/3', 404, { headers: ada, body: { read: true } }],
    ['DELETE', '/notifications/3', 404, { headers: ada }],
    ['GET', '/dashboard', 401],
    ['GET', '/dashboard', 200, { headers: ada }],
    ['GET', '/live', 426],
    ['GET', '/nothing', 404],
  ])('%s %s answers %i (%j)', async (method, path, status, extra) => {
    const response = await client.ask(method, path, extra);
    expect(response.status).toBe(status);
    expect(response.headers.get('cache-control')).toBe('public, max-age=300');
    expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8');
    const text = await response.text();
    if (method === 'HEAD') expect(text).toBe('');
    else if (status < 400) expect(JSON.parse(text)).toBeInstanceOf(Object);
    else expect(JSON.parse(text)).toMatchObject({ error: expect.any(String), message: expect.any(String) });
  });

  test('a 405 names the methods that there are, a 401 its scheme, and a 422 each wrong field', async () => {
    expect((await client.ask('DELETE', '/accommodations')).headers.get('allow')).toBe('GET, HEAD, POST, PATCH');
    expect((await client.ask('GET', '/dashboard')).headers.get('www-authenticate')).toBe('Bearer realm="travel"');
    const wrong = await client.ask('POST', '/accommodations', { body: { stepId: 'x', nights: 0.5 } });
    const { fields } = (await wrong.json()) as { fields: { field: string }[] };
    expect(fields.map(({ field }) => field)).toEqual(['stepId', 'name', 'nights']);
  });
});

describe('the examples of the documentation', () => {
  test('trip 3 has steps 7 and 9, and accommodation 42 stands in step 7', async () => {
    const trip = await client.read<Trip>('GET', '/trips/3');
    expect(trip.steps.map(({ id }) => id)).toEqual([7, 8, 9]);
    const step = await client.read<Step>('GET', '/steps/7');
    expect(step.accommodations).toMatchObject([{ id: 42, stepId: 7, tripId: 3 }]);
    expect(await client.read('GET', '/accommodations/42')).toEqual(step.accommodations[0]);
  });
});

describe('aggregates', () => {
  test('a step embeds its children with totals, a trip its steps with counts', async () => {
    const { trip, step, other, accommodation } = await client.ownTrip();
    await client.read('POST', '/activities', { body: { stepId: step.id, name: 'A walk', priceCents: 500 } });
    expect(await client.read('GET', `/steps/${step.id}`)).toMatchObject({
      accommodations: [accommodation],
      activities: [{ name: 'A walk', stepId: step.id, tripId: trip.id, version: 1 }],
      totals: { accommodations: 1, activities: 1, nights: 2, priceCents: 10_500 },
    });
    expect(await client.read('GET', `/trips/${trip.id}`)).toMatchObject({
      steps: [
        { id: step.id, accommodations: 1, activities: 1, nights: 2, priceCents: 10_500 },
        { id: other.id, accommodations: 0, activities: 0, nights: 0, priceCents: 0 },
      ],
      totals: { steps: 2, accommodations: 1, activities: 1, nights: 2, priceCents: 10_500 },
    });
  });

  test('each write to a child raises the aggregate version of its step and trip, a deletion and a move too', async () => {
    const { trip, step, other, accommodation } = await client.ownTrip();
    const path = `/accommodations/${accommodation.id}`;
    const versions = async () => {
      const [first, second, above] = await Promise.all([
        client.read<Step>('GET', `/steps/${step.id}`),
        client.read<Step>('GET', `/steps/${other.id}`),
        client.read<Trip>('GET', `/trips/${trip.id}`),
      ]);
      expect([first.version, second.version, above.version]).toEqual([1, 1, 1]);
      expect(above.steps.map((row) => row.aggregateVersion)).toEqual([first.aggregateVersion, second.aggregateVersion]);
      return { first: first.aggregateVersion, second: second.aggregateVersion, trip: above.aggregateVersion };
    };
    const start = await versions();
    await client.read('PATCH', path, { body: { priceCents: 1 } });
    const changed = await versions();
    expect(changed).toEqual({ first: start.first + 1, second: start.second, trip: start.trip + 1 });
    await client.read('PATCH', path, { body: { stepId: other.id } });
    const moved = await versions();
    expect(moved).toMatchObject({ first: changed.first + 1, second: changed.second + 1 });
    expect(moved.trip).toBeGreaterThan(changed.trip);
    expect((await client.ask('DELETE', path)).status).toBe(204);
    expect(await versions()).toEqual({ first: moved.first, second: moved.second + 1, trip: moved.trip + 1 });
  });

  test('a step that is written has a higher version of both kinds, and so has its trip of one kind', async () => {
    const { trip, step } = await client.ownTrip();
    const before = await client.read<Trip>('GET', `/trips/${trip.id}`);
    const changed = await client.read<Step>('PATCH', `/steps/${step.id}`, { body: { position: 4 } });
    const above = await client.read<Trip>('GET', `/trips/${trip.id}`);
    expect(changed.version).toBe(step.version + 1);
    expect(above.steps.find(({ id }) => id === step.id)).toMatchObject({ version: changed.version });
    expect(above).toMatchObject({ version: before.version, aggregateVersion: before.aggregateVersion + 1 });
  });

  test('deleting a step takes its children along, and a trip without steps can go', async () => {
    const { trip, step, other, accommodation } = await client.ownTrip();
    const before = await client.read<Trip>('GET', `/trips/${trip.id}`);
    expect((await client.ask('DELETE', `/trips/${trip.id}`)).status).toBe(409);
    expect((await client.ask('DELETE', `/steps/${step.id}`)).status).toBe(204);
    expect((await client.ask('GET', `/accommodations/${accommodation.id}`)).status).toBe(404);
    const after = await client.read<Trip>('GET', `/trips/${trip.id}`);
    expect(after.aggregateVersion).toBeGreaterThan(before.aggregateVersion);
    expect(after.totals).toMatchObject({ steps: 1, accommodations: 0 });
    await client.ask('DELETE', `/steps/${other.id}`);
    expect((await client.ask('DELETE', `/trips/${trip.id}`)).status).toBe(204);
    expect((await client.ask('GET', `/trips/${trip.id}`)).status).toBe(404);
  });
});

describe('writes', () => {
  test('POST answers 201 with Location and the parent in the body', async () => {
    const { step } = await client.ownTrip();
    const response = await client.ask('POST', '/accommodations', { body: { stepId: step.id, name: 'Another inn' } });
    const body = (await response.json()) as Child;
    expect(response.status).toBe(201);
    expect(response.headers.get('location')).toBe(`/accommodations/${body.id}`);
    expect(body).toMatchObject({ stepId: step.id, tripId: step.tripId, version: 1 });
    expect(await client.read('GET', `/accommodations/${body.id}`)).toEqual(body);
  });

  test('PUT of a partial document destroys what it leaves out, PATCH keeps it, and both answer the whole', async () => {
    const { step, accommodation } = await client.ownTrip();
    const path = `/accommodations/${accommodation.id}`;
    const patched = await client.read<Child>('PATCH', path, { body: { favouriteCount: 9, notes: 'By the sea' } });
    expect(patched).toMatchObject({
      ...accommodation,
      favouriteCount: 9,
      notes: 'By the sea',
      version: 2,
      updatedAt: expect.any(String),
    });
    const restored = await client.read<Child>('PUT', path, { body: patched });
    expect(restored).toEqual({ ...patched, version: 3, updatedAt: expect.any(String) });
    const partial = await client.read<Child>('PUT', path, { body: { stepId: step.id, name: 'Bare' } });
    expect(partial).toMatchObject({
      name: 'Bare',
      nights: 1,
      favouriteCount: 0,
      notes: null,
      updatedBy: null,
      version: 4,
    });
    expect(partial.createdAt > patched.createdAt).toBe(true);
    expect(await client.read('GET', path)).toEqual(partial);
  });

  test('DELETE answers 204 without a body', async () => {
    const { accommodation } = await client.ownTrip();
    const response = await client.ask('DELETE', `/accommodations/${accommodation.id}`);
    expect([response.status, await response.text(), response.headers.get('content-type')]).toEqual([204, '', null]);
    expect((await client.ask('GET', `/accommodations/${accommodation.id}`)).status).toBe(404);
  });

  test('a batch answers an array in its order, and is written whole or not at all', async () => {
    const { step, other, accommodation } = await client.ownTrip();
    const body = { stepId: other.id, name: 'Second inn' };
    const second = await client.read<Child>('POST', '/accommodations', { body });
    const answer = await client.read<Child[]>('PATCH', '/accommodations', {
      body: [
        { id: second.id, name: 'Renamed' },
        { id: accommodation.id, stepId: other.id },
      ],
    });
    expect(answer).toMatchObject([
      { id: second.id, name: 'Renamed', version: 2 },
      { id: accommodation.id, stepId: other.id, version: 2 },
    ]);
    expect((await client.read<Step>('GET', `/steps/${step.id}`)).accommodations).toEqual([]);
    const failed = await client.ask('PATCH', '/accommodations', {
      body: [{ id: second.id, name: 'Lost' }, { id: 41 }],
    });
    expect(failed.status).toBe(404);
    expect(await client.read('GET', `/accommodations/${second.id}`)).toMatchObject({ name: 'Renamed', version: 2 });
    expect(await client.read('PATCH', '/accommodations', { body: [] })).toEqual([]);
  });

  test.each([
    ['an object', {}],
    ['an element without an id', [{ name: 'Nobody' }]],
    ['more elements than the bound', Array.from({ length: MAX_BATCH + 1 }, () => ({ id: 42 }))],
  ])('a batch that is %s answers 422', async (_, body) => {
    expect((await client.ask('PATCH', '/accommodations', { body })).status).toBe(422);
  });
});

describe('lists', () => {
  test('are filtered and paginated, and an empty one is a list', async () => {
    const { step, other, accommodation, trip } = await client.ownTrip();
    const second = await client.read<Child>('POST', '/accommodations', { body: { stepId: step.id, name: 'Second' } });
    const list = (query: string) => client.read<Page>('GET', `/accommodations?${query}`);
    const ids = async (query: string) => (await list(query)).accommodations.map(({ id }) => id);
    expect(await ids(`stepId=${step.id}`)).toEqual([accommodation.id, second.id]);
    expect(await ids(`tripId=${trip.id}`)).toEqual([accommodation.id, second.id]);
    expect(await list(`stepId=${step.id}&page=2&perPage=1`)).toEqual({
      page: 2,
      perPage: 1,
      total: 2,
      accommodations: [second],
    });
    expect(await list(`stepId=${other.id}`)).toEqual({ page: 1, perPage: 20, total: 0, accommodations: [] });
  });
});

describe('representations', () => {
  test('a step comes in two languages, and says that it varies', async () => {
    const french = await client.ask('GET', '/steps/7', { headers: { 'accept-language': 'fr-CA, en;q=0.5' } });
    expect(french.headers.get('vary')).toBe('Accept-Language');
    expect(french.headers.get('content-language')).toBe('fr');
    expect(await french.json()).toMatchObject({ country: { name: 'Islande' }, summary: '3 nuits, 2 activités' });
    const english = await client.ask('GET', '/steps/7');
    expect(english.headers.get('content-language')).toBe('en');
    expect(await english.json()).toMatchObject({ country: { name: 'Iceland' }, summary: '3 nights, 2 activities' });
    expect((await client.ask('GET', '/trips/3')).headers.get('vary')).toBeNull();
  });

  test('only a thumbnail and an activity have an ETag', async () => {
    for (const path of ['/steps/7', '/trips/3', '/accommodations/42', '/activities', '/countries']) {
      expect((await client.ask('GET', path)).headers.get('etag'), path).toBeNull();
    }
    expect((await client.ask('GET', '/activities/5')).headers.get('etag')).toBe('W/"activity-5-1"');
  });

  test.each([
    ['W/"activity-5-1"', 304],
    ['"other", "activity-5-1"', 304],
    ['*', 304],
    ['W/"activity-5-0"', 200],
  ])('If-None-Match: %s on an activity answers %i', async (tags, status) => {
    const response = await client.ask('GET', '/activities/5', { headers: { 'if-none-match': tags } });
    expect(response.status).toBe(status);
    expect(response.headers.get('etag')).toBe('W/"activity-5-1"');
    expect((await response.text()) === '').toBe(status === 304);
  });

  test('a thumbnail is named by its step while it is there', async () => {
    const { step } = await client.ownTrip();
    const path = `/steps/${step.id}/thumbnail`;
    const put = (bytes: string) =>
      fetch(api.url + path, { method: 'PUT', headers: { 'content-type': 'image/png' }, body: bytes });
    const created = await put('first');
    expect([created.status, created.headers.get('location')]).toEqual([201, path]);
    expect(await created.json()).toMatchObject({ stepId: step.id, thumbnailUrl: path, bytes: 5, version: 2 });
    const first = await client.ask('GET', path);
    expect([first.headers.get('content-type'), await first.text()]).toEqual(['image/png', 'first']);
    const headers = { 'if-none-match': first.headers.get('etag') ?? '' };
    expect((await client.ask('GET', path, { headers })).status).toBe(304);
    const replaced = await put('second');
    expect([replaced.status, await replaced.json()]).toEqual([200, expect.objectContaining({ version: 3 })]);
    const second = await client.ask('GET', path, { headers });
    expect([second.status, await second.text()]).toEqual([200, 'second']);
    expect(await client.read('GET', `/steps/${step.id}`)).toMatchObject({ thumbnailUrl: path, version: 3 });
    expect((await put('')).status).toBe(422);
    expect((await client.ask('DELETE', path)).status).toBe(204);
    expect((await client.ask('GET', path)).status).toBe(404);
    expect(await client.read('GET', `/steps/${step.id}`)).toMatchObject({ thumbnailUrl: null, version: 4 });
  });
});

describe('what depends on the user', () => {
  test('the token names the user, as a bearer or as the cookie', async () => {
    const user = await client.ownUser();
    const { id, authorization, token } = user;
    expect(await client.read('GET', '/users/me', { headers: { authorization } })).toMatchObject({ id, version: 1 });
    const headers = { cookie: `theme=dark; session=${token}` };
    expect(await client.read('GET', '/users/me', { headers })).toMatchObject({ id });
    const renamed = await client.read('PATCH', '/users/me', { headers: { authorization }, body: { name: 'Renamed' } });
    expect(renamed).toMatchObject({ id, name: 'Renamed', version: 2, email: expect.any(String) });
    const shown = await client.read<object>('GET', `/users/${id}`);
    expect(shown).toMatchObject({ name: 'Renamed', version: 2 });
    expect(Object.keys(shown)).toEqual(['id', 'name', 'version', 'createdAt', 'updatedAt']);
  });

  test("notifications and the dashboard show one's own, with their versions", async () => {
    const { id, authorization } = await client.ownUser();
    const headers = { authorization };
    const empty = { trips: [], nextStep: null, unreadNotifications: [] };
    expect(await client.read('GET', '/dashboard', { headers })).toMatchObject(empty);
    const trip = await client.read<Trip>('POST', '/trips', { body: { title: 'Mine', ownerId: id } });
    const body = { tripId: trip.id, title: 'Far ahead', startsOn: '2999-01-01' };
    const step = await client.read<Step>('POST', '/steps', { body });
    const note = await client.read<Row>('POST', '/notifications', { headers, body: { message: 'Pack your bags.' } });
    const dashboard = await client.read<Dashboard>('GET', '/dashboard', { headers });
    expect(dashboard.trips).toEqual([{ id: trip.id, title: 'Mine', version: 1, aggregateVersion: 2 }]);
    expect(dashboard.nextStep).toMatchObject({ id: step.id, version: 1 });
    expect(dashboard.unreadNotifications).toEqual([note]);
    const path = `/notifications/${note.id}`;
    expect(await client.read('PATCH', path, { headers, body: { read: true } })).toMatchObject({
      read: true,
      version: 2,
    });
    expect(await client.read('GET', '/dashboard', { headers })).toMatchObject({ unreadNotifications: [] });
    expect(await client.read('GET', '/notifications', { headers })).toMatchObject({
      total: 1,
      notifications: [{ version: 2 }],
    });
    expect((await client.ask('DELETE', path, { headers })).status).toBe(204);
    expect(await client.read('GET', '/notifications', { headers })).toMatchObject({ total: 0, notifications: [] });
  });
});
