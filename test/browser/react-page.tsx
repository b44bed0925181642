import { StrictMode, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { connect } from 'unstale/client';
import { UnstaleIndicator, UnstaleProvider, useUnstale, useUnstaleEvent } from 'unstale/react';

/*
 * What the tests of unstale/react look at. `?own` has the page, and not the provider, open the connection. `?gone`
 * resumes after an event of a log that is gone.
 */

declare global {
  interface Window {
    happened: string[];
    /** How often a component was rendered that only listens. */
    renderings: number;
  }
}
window.happened = [];
window.renderings = 0;

const isOwn = location.search.includes('own');
const options = location.search.includes('gone') ? { lastEventId: 'gone-7' } : {};
const live = isOwn ? connect() : undefined;
live?.on('state', ({ state }) => window.happened.push(`connection ${state}`));

function Watching({ name }: { readonly name: string }) {
  const { state, lastChange } = useUnstale();
  // A new function at each rendering: the newest one is called, once for each event.
  useUnstaleEvent('/steps/:id', (event, { id }) => {
    window.happened.push(event.cause === undefined ? `${name} resync` : `${name} ${event.cause.method} ${id}`);
  });
  useUnstaleEvent('event:step.changed', ({ type }) => window.happened.push(`by type: ${type}`));
  return (
    <p id="hook">
      {state} {lastChange?.event.paths.join(' ')}
    </p>
  );
}

function Listening() {
  window.renderings += 1;
  useUnstaleEvent('event:*', () => {});
  return null;
}

function Page() {
  const [isShown, setShown] = useState(true);
  const [name, setName] = useState('first');
  const connected = (): (() => void) => {
    window.happened.push('connected');
    return () => window.happened.push('ended');
  };
  return (
    <>
      <button type="button" onClick={() => setShown(!isShown)}>
        Toggle
      </button>
      <button type="button" onClick={() => setName('second')}>
        Other listener
      </button>
      {isShown && (
        <UnstaleProvider live={live} options={options} onConnect={connected}>
          <UnstaleIndicator labels={{ retrying: 'Wird verbunden' }} />
          <Watching name={name} />
          <Listening />
        </UnstaleProvider>
      )}
    </>
  );
}

createRoot(document.getElementById('root') as HTMLElement).render(
  <StrictMode>
    <Page />
  </StrictMode>,
);
