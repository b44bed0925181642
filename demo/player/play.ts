import type { Stage } from './stage.ts';
import { heading, say } from './terminal.ts';

interface Child {
  id: number;
  name: string;
  priceCents: number;
}
interface Step {
  accommodations: Child[];
  totals: { priceCents: number };
}
interface Trip {
  totals: { accommodations: number; priceCents: number };
}

const euros = (cents: number): string => `€${(cents / 100).toFixed(2)}`;
const step = (body: string): string => {
  const { accommodations, totals } = JSON.parse(body) as Step;
  const names = accommodations.map(({ name, priceCents }) => `${name} ${euros(priceCents)}`);
  return `${names.length === 0 ? 'no accommodation' : names.join(', ')}; ${euros(totals.priceCents)} in all`;
};
const trip = (body: string): string => {
  const { totals } = JSON.parse(body) as Trip;
  return `${totals.accommodations} accommodations, ${euros(totals.priceCents)} in all`;
};
const list = (body: string): string => {
  const { total } = JSON.parse(body) as { total: number };
  return total === 0 ? 'an empty list' : `a list of ${total}`;
};

/** A child is written, its parents are fresh: scenario by scenario, with what a cache that does not know would say. */
export async function play(stage: Stage): Promise<void> {
  heading('A cache warms up: the second read of each does not reach the API');
  await stage.warm('/steps/7', step);
  await stage.warm('/steps/9', step);
  await stage.warm('/trips/3', trip);

  heading('PUT: an accommodation is written, and the step and the trip that embed it are fresh');
  await stage.write('PUT', '/accommodations/42', { stepId: 7, name: 'Hotel Demo', nights: 2, priceCents: 22_200 });
  await stage.again('/steps/7', step);
  await stage.again('/trips/3', trip);

  heading('PATCH: it moves from step 7 to step 9, and both are fresh');
  await stage.write('PATCH', '/accommodations/42', { stepId: 9 });
  await stage.again('/steps/7', step);
  await stage.again('/steps/9', step);

  heading('POST: the list that did not contain the new one was cached, empty');
  await stage.warm('/accommodations?stepId=7', list);
  const body = { stepId: 7, name: 'Pension Neu', nights: 1, priceCents: 6_000 };
  const created = (await stage.write('POST', '/accommodations', body)).json<Child>();
  await stage.again('/accommodations?stepId=7', list);
  await stage.again('/steps/7', step);

  heading('DELETE: the answer is 204 without a body; the parent is known from what was there before');
  await stage.write('DELETE', `/accommodations/${created.id}`);
  await stage.again('/steps/7', step);
  await stage.again('/accommodations?stepId=7', list);
  say();
}
