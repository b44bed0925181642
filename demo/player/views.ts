import type { Answer } from './client.ts';

/** The few words of a representation in which the demo's writes show. */
export type View = (answer: Pick<Answer, 'status' | 'text'>) => string;

interface Named {
  readonly name: string;
}

export const stepView: View = viewOf((step: { summary: string; accommodations: Named[] }) => {
  return `${step.summary}; ${namesOf(step.accommodations) || 'nowhere to stay'}`;
});

export const tripView: View = viewOf((trip: { totals: { nights: number; accommodations: number } }) => {
  return `${trip.totals.nights} nights in ${trip.totals.accommodations} places`;
});

export const accommodationView: View = viewOf((accommodation: Named & { nights: number }) => {
  return `${accommodation.name}, ${accommodation.nights} nights`;
});

export const listView: View = viewOf((page: { total: number; accommodations: Named[] }) => {
  return page.total === 0 ? 'an empty list' : `${page.total} found: ${namesOf(page.accommodations)}`;
});

function namesOf(rows: readonly Named[]): string {
  return rows.map(({ name }) => name).join(', ');
}

/** An answer that is no representation shows as its status, and what the API says of it. */
function viewOf<Body>(show: (body: Body) => string): View {
  return ({ status, text }) => {
    if (status === 200) return show(JSON.parse(text));
    const { message, title = '' }: { message?: string; title?: string } = JSON.parse(text || '{}');
    return `${status}, ${message ?? title}`;
  };
}
