import { randomUUID } from 'node:crypto';

/** What tests need to talk to the travel API: its shapes, and rows of one's own so that tests do not meet. */
export interface Row {
  id: number;
  version: number;
  createdAt: string;
  updatedAt: string;
}
export interface Child extends Row {
  stepId: number;
  tripId: number;
  name: string;
  notes: string | null;
  priceCents: number;
  favouriteCount: number;
  updatedBy: string | null;
}
export interface Step extends Row {
  tripId: number;
  aggregateVersion: number;
  thumbnailUrl: string | null;
  summary: string;
  country: { code: string; name: string } | null;
  accommodations: Child[];
  activities: Child[];
  totals: { accommodations: number; activities: number; nights: number; priceCents: number };
}
export interface Trip extends Row {
  aggregateVersion: number;
  steps: { id: number; version: number; aggregateVersion: number; accommodations: number; priceCents: number }[];
  totals: { steps: number; accommodations: number; activities: number; nights: number; priceCents: number };
}
export interface Page {
  page: number;
  perPage: number;
  total: number;
  accommodations: Child[];
}
export interface Dashboard {
  trips: { id: number; version: number; aggregateVersion: number }[];
  nextStep: Row | null;
  unreadNotifications: Row[];
}

export interface Extra {
  headers?: Record<string, string>;
  body?: unknown;
}

export interface TravelClient {
  ask(method: string, path: string, extra?: Extra): Promise<Response>;
  /** The JSON of a successful answer. */
  read<Body>(method: string, path: string, extra?: Extra): Promise<Body>;
  /** A step with one accommodation (2 nights, 100.00) and an empty step. */
  ownTrip(): Promise<{ trip: Trip; step: Step; other: Step; accommodation: Child }>;
  ownUser(): Promise<{ id: number; authorization: string; token: string }>;
}

export function travelClient(url: string): TravelClient {
  const ask = (method: string, path: string, { headers = {}, body }: Extra = {}) => {
    if (body === undefined) return fetch(url + path, { method, headers });
    const typed = { 'content-type': 'application/json', ...headers };
    return fetch(url + path, { method, headers: typed, body: JSON.stringify(body) });
  };
  const read = async <Body>(method: string, path: string, extra: Extra = {}) => {
    const response = await ask(method, path, extra);
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as Body;
  };
  return {
    ask,
    read,
    ownTrip: async () => {
      const trip = await read<Trip>('POST', '/trips', { body: { title: 'A trip of one test' } });
      const step = await read<Step>('POST', '/steps', { body: { tripId: trip.id, title: 'First' } });
      const other = await read<Step>('POST', '/steps', { body: { tripId: trip.id, title: 'Second' } });
      const body = { stepId: step.id, name: 'An inn', nights: 2, priceCents: 10_000, updatedBy: 'front' };
      return { trip, step, other, accommodation: await read<Child>('POST', '/accommodations', { body }) };
    },
    ownUser: async () => {
      const body = { name: 'Somebody', email: `${randomUUID()}@example.org` };
      const { id, token } = await read<{ id: number; token: string }>('POST', '/users', { body });
      return { id, token, authorization: `Bearer ${token}` };
    },
  };
}
