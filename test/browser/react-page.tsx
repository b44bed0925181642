import { StrictMode, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { connect } from 'unstale/client';
import { UnstaleIndicator, UnstaleProvider, useUnstale, useUnstaleEvent } from 'unstale/react';

/* What the tests of unstale/react look at. `?own` has the page, and not the provider, open the connection. */

declare global {
  interface Window {
    happened: string[];
  }
}
window.happened = [];

const isOwn = location.search.includes('own');
const live = isOwn ? connect() : undefined;
live?.on('state', ({ state }) => window.happened.push(`connection ${state}`));

function Watching({ name }: { readonly name: string }) {
  const { state, lastChange } = useUnstale();
  // A new function at each rendering: the newest one is called, once for each event.
  useUnstaleEvent('/steps/:id', ({ cause }, { id }) => {
    window.happened.push(`${name} ${cause.method} ${id}`);
  });
  return (
    <p id="hook">
      {state} {lastChange?.event.paths.join(' ')}
    </p>
  );
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
        <UnstaleProvider live={live} onConnect={connected}>
          <UnstaleIndicator labels={{ retrying: 'Wird verbunden' }} />
          <Watching name={name} />
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
