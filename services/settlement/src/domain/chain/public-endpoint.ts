/**
 * The endpoint that anybody may be told: the one configured for that, else our own where it can hold no key.
 * Providers of chains put theirs into the path, the query or the user.
 */
export function publicEndpoint(own: string, configured: string | undefined): string | undefined {
  if (configured !== undefined) return configured;
  const { username, password, pathname, search } = new URL(own);
  return username === '' && password === '' && pathname === '/' && search === '' ? own : undefined;
}
