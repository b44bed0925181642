import type { Answer } from './client.ts';

/** A short summary of a representation that shows the effect of the demo's writes. */
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

/** What editors change, and what a PUT without it would reset. */
export const editedView: View = viewOf((row: Readonly<Record<string, unknown>>) => {
  const members = ['nights', 'notes', 'bookingReference', 'favouriteCount'];
  return members.map((member) => `${member} ${JSON.stringify(row[member])}`).join(', ');
});

export const listView: View = viewOf((page: { total: number; accommodations: Named[] }) => {
  return page.total === 0 ? 'an empty list' : `${page.total} found: ${namesOf(page.accommodations)}`;
});

function namesOf(rows: readonly Named[]): string {
  return rows.map(({ name }) => name).join(', ');
}

/** Any other answer than a 200 is shown as its status and message. */
function viewOf<Body>(show: (body: Body) => string): View {
  return ({ status, text }) => {
    if (status === 200) return show(JSON.parse(text));
    const { message, title = '' }: { message?: string; title?: string } = JSON.parse(text || '{}');
    return `${status}, ${message ?? title}`;
  };
}
