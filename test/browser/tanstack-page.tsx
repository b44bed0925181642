import { QueryClient, useQuery } from '@tanstack/react-query';
import { createRoot } from 'react-dom/client';
import { connect } from 'unstale/client';
import { follow, noteCursor } from 'unstale/tanstack-query';

/* What the tests of unstale/tanstack-query look at. `?cursor` notes up to when each answer is known to be current. */

const client = new QueryClient({ defaultOptions: { queries: { staleTime: Number.POSITIVE_INFINITY, retry: false } } });
follow(client, connect(), { '/steps/:id': ({ id }) => [['step', id]] });
const notes = location.search.includes('cursor');

function Step({ id }: { readonly id: number }) {
  const step = useQuery(
    {
      queryKey: ['step', id],
      queryFn: async (context): Promise<{ title: string }> => {
        // Past all caches: the API is asked each time.
        const response = await fetch(`/steps/${id}`, { cache: 'no-store' });
        if (notes) noteCursor(context, response);
        return await response.json();
      },
    },
    client,
  );
  return (
    <>
      <h1 data-rest={step.fetchStatus === 'idle'}>{step.data?.title}</h1>
      <button type="button" onClick={() => void step.refetch()}>
        Again
      </button>
    </>
  );
}

createRoot(document.getElementById('root') as HTMLElement).render(<Step id={7} />);
