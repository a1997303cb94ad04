/** Authorizes requests to an MCP server (https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization). */

import {
  type ApiChallenge,
  type ApiFetch,
  type Client,
  type ClientError,
  createAuthorizedFetch,
  createIssuer,
  createSession,
  type Issuer,
  type Session,
  unwrap,
} from '@tessera/client'
import { signInWithLoopback } from '@tessera/client/node'
import { clientAt, type KnownClient } from './clients.ts'
import { challengeIn, findResource } from './resource.ts'

export type McpFetchOptions = {
  /** The URL of the application's metadata document, which is its client_id. */
  readonly document?: string | undefined
  /** Clients by their issuer, such as those that were registered before. */
  readonly registered?: Map<string, KnownClient>
  readonly openIssuer?: (url: string) => Issuer
  /** Shows the page of the authorization server; the default is the system's browser. */
  readonly open?: (url: string) => void | Promise<void>
}

/** The user's access to the MCP server. */
type Connection = { readonly client: Client; readonly session: Session; readonly fetch: ApiFetch }

/**
 * Returns a `fetch` for the transport of an MCP client. It signs the user in when the server asks for a token, again
 * when a tool needs more scope, and refreshes tokens. It sends tokens to the server only.
 */
export function createMcpFetch(server: string, options: McpFetchOptions = {}): ApiFetch {
  const { registered = new Map<string, KnownClient>(), openIssuer = createIssuer, open } = options
  let connection: Connection | undefined
  let connecting: Promise<Connection> | undefined

  async function connect(challenge: ApiChallenge | undefined): Promise<Connection> {
    const { resource, issuer: url, scopes_supported } = await findResource(server, challenge)
    const issuer = openIssuer(url)
    if (connection?.client.issuer.url === url && (await isForgotten(connection))) registered.delete(url)
    const isBound = challenge?.scheme === 'dpop'
    const client = await clientAt(issuer, { registered, document: options.document, isBound })
    const session = createSession(client, { request: { resource } })
    let requested = challenge?.scope?.split(' ') ?? scopes_supported

    async function signIn() {
      const { scopes_supported: offered = [] } = unwrap(await issuer.metadata())
      const offline = offered.includes('offline_access') ? ['offline_access'] : []
      const scope = [...new Set([...requested, ...offline])].join(' ')
      const signedIn = await signInWithLoopback(client, { scope, resource, ...(open && { open }) })
      return session.start(unwrap(signedIn))
    }

    /** Asks for what a request needs, together with what was granted before. */
    async function stepUp({ error, scope = '' }: ApiChallenge) {
      const wanted = new Set([...requested, ...scope.split(' ')])
      if (error !== 'insufficient_scope' || wanted.size === requested.length) return undefined
      requested = [...wanted]
      return signIn()
    }

    await signIn()
    return {
      client,
      session,
      fetch: createAuthorizedFetch(session, { origins: [server], onChallenge: stepUp }),
    }
  }

  return async function mcpFetch(input, init) {
    const used = connection
    const response = await (used ? send(used, input, init) : fetch(input, init))
    if (response && response.status !== 401) return response
    await response?.body?.cancel()
    if (connection === used) {
      connecting ??= connect(response && challengeIn(response)).finally(() => {
        connecting = undefined
      })
      connection = await connecting
    }
    return (connection as Connection).fetch(input, init)
  }
}

/** Returns the response; undefined if the user has to sign in again. */
async function send(
  { fetch, session }: Connection,
  ...request: Parameters<ApiFetch>
): Promise<Response | undefined> {
  const tokens = await session.accessToken()
  if (tokens.ok) return fetch(...request)
  if (isEnd(tokens.error)) return undefined
  throw tokens.error
}

const isEnd = ({ kind, code }: ClientError): boolean => kind === 'session' || code === 'invalid_client'

/** Returns whether the server no longer knows the client, which must then register again. */
async function isForgotten({ session }: Connection): Promise<boolean> {
  const refreshed = await session.refresh()
  return !refreshed.ok && refreshed.error.code === 'invalid_client'
}
