import { QueryClient, QueryClientProvider, useQuery } from '@tanstack/react-query';
import { type ReactNode, StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { UnstaleIndicator, UnstaleProvider, useUnstale } from 'unstale/react';
import { follow } from 'unstale/tanstack-query';
import { AccommodationRow } from './accommodation-row.tsx';
import { readStep, type Step } from './api.ts';
import { EventLog } from './event-log.tsx';

/** `/demo/window.html?step=9#A` */
const stepId = Number(new URLSearchParams(location.search).get('step') ?? 9);
const windowName = nameIn(location.hash) || 'A';

function nameIn(hash: string): string {
  try {
    return decodeURIComponent(hash.slice(1));
  } catch {
    // A lone % is no escape.
    return hash.slice(1);
  }
}

/** Nothing gets stale by itself: what is refetched has changed. */
const queryClient = new QueryClient({ defaultOptions: { queries: { staleTime: Number.POSITIVE_INFINITY } } });

const euros = new Intl.NumberFormat('en', { style: 'currency', currency: 'EUR' });

function Window() {
  const { data: step, error, refetch } = useQuery({ queryKey: ['step', stepId], queryFn: readStep(stepId) });
  return (
    <>
      <header className="bar">
        <strong>Window {windowName}</strong>
        <UnstaleIndicator />
      </header>
      <main>
        {error !== null && (
          <p role="alert">
            {error.message}.{' '}
            <button type="button" onClick={() => void refetch()}>
              Try again
            </button>
          </p>
        )}
        {step === undefined ? <p>Loading step {stepId} …</p> : <StepView step={step} />}
        <EventLog path={`/steps/${stepId}`} version={step?.aggregateVersion} />
      </main>
    </>
  );
}

function StepView({ step }: { readonly step: Step }) {
  return (
    <Followed>
      <h1 id="title">{step.title}</h1>
      <ul className="accommodations">
        {step.accommodations.map((each) => (
          <AccommodationRow key={each.id} accommodation={each} writer={`window ${windowName}`} />
        ))}
      </ul>
      <p className="totals">
        <span>
          <b data-field="total-nights">{step.totals.nights}</b> nights in all
        </span>
        <span>{euros.format(step.totals.priceCents / 100)}</span>
      </p>
    </Followed>
  );
}

/** An event renders this, and not what it has inside. */
function Followed({ children }: { readonly children: ReactNode }) {
  const { state } = useUnstale();
  return (
    <section aria-labelledby="title" className={state === 'live' ? undefined : 'not-live'}>
      {children}
    </section>
  );
}

const root = document.getElementById('root');
if (root === null) throw new Error('window.html has no #root');
createRoot(root).render(
  <StrictMode>
    <QueryClientProvider client={queryClient}>
      <UnstaleProvider onConnect={(live) => follow(queryClient, live, { '/steps/:id': ({ id }) => [['step', id]] })}>
        <Window />
      </UnstaleProvider>
    </QueryClientProvider>
  </StrictMode>,
);
