/** Chooses how a client identifies itself at servers that it did not know before, as MCP clients do. */

import type { ClientAuthentication } from './authentication/authentication.ts'
import { clientSecretBasic, clientSecretPost, noAuthentication } from './authentication/secret.ts'
import { type Client, type ClientOptions, createClient } from './create-client.ts'
import type { Issuer } from './discovery/issuer.ts'
import type { ServerMetadata } from './discovery/metadata.ts'
import type { ClientInformation, ClientMetadata } from './endpoints/client-metadata.ts'
import { registerClient } from './endpoints/registration.ts'
import { ClientError } from './error.ts'
import type { TransportOptions } from './http/transport.ts'
import { unwrap } from './result.ts'
import { createSingleFlight } from './session/single-flight.ts'
import { setRecent } from './set-recent.ts'

/** Keeps registrations by issuer identifier. They contain secrets. */
export type RegistrationStore = {
  readonly load: (issuer: string) => Promise<ClientInformation | undefined>
  readonly save: (issuer: string, information: ClientInformation) => Promise<void>
}

type Identity = Pick<ClientOptions, 'client_id' | 'authentication'>

export type ClientProviderOptions = TransportOptions &
  Pick<ClientOptions, 'proof' | 'clockTolerance'> & {
    /** Clients that were registered in advance, by issuer identifier. */
    readonly registered?: Readonly<Record<string, Identity>> | undefined
    /** The https URL of the client's metadata, which is its `client_id` at servers that read such documents. */
    readonly metadataDocument?: string | undefined
    /**
     * The metadata to register with (RFC 7591). Without `token_endpoint_auth_method`, it is the first of `none`,
     * `client_secret_basic` and `client_secret_post` that the server supports.
     */
    readonly registration?: ClientMetadata | undefined
    /** Where registrations are kept; the default is the memory of this process, for the 1000 servers used last. */
    readonly store?: RegistrationStore | undefined
    /** Authenticates a client with a metadata document, or one that registered without a secret; the default is not at all. */
    readonly authentication?: ClientAuthentication | undefined
  }

/**
 * Returns a function for `client` of {@link createResourceFetch}. It uses, in this order: a client that was registered in
 * advance; the metadata document, if the server supports it (`client_id_metadata_document_supported`); an earlier
 * registration; a new one. Concurrent calls for one server share a registration, and a secret that expired is replaced by
 * registering again. So is a registration that the server does not know any more: pass its client as `unknown`.
 *
 * The function rejects with {@link ClientError}: `client_unavailable` if none of these is possible, and the errors of the
 * server.
 */
export function createClientProvider(
  options: ClientProviderOptions,
): (issuer: Issuer, unknown?: Client) => Promise<Client> {
  const { registered = {}, metadataDocument, registration, store = memoryRegistrations() } = options
  const { authentication = noAuthentication(), proof, clockTolerance } = options
  const { fetch, timeout, maxResponseBytes, hooks } = options
  const common = { fetch, timeout, maxResponseBytes, hooks, proof, clockTolerance }
  const registering = createSingleFlight<ClientInformation>()

  async function register(
    issuer: Issuer,
    metadata: ClientMetadata,
    unknown: Client | undefined,
  ): Promise<ClientInformation> {
    const known = await store.load(issuer.url)
    const { client_secret_expires_at: expiry = 0 } = known ?? {}
    const isExpired = expiry !== 0 && expiry <= issuer.now()
    if (known && !isExpired && known.client_id !== unknown?.client_id) return known
    const server = unwrap(await issuer.metadata())
    const token_endpoint_auth_method = metadata.token_endpoint_auth_method ?? methodAt(server)
    const sent = { ...metadata, token_endpoint_auth_method }
    const information = unwrap(await registerClient(issuer, sent))
    // Servers may leave out what they registered unchanged.
    const complete = { ...information, metadata: { token_endpoint_auth_method, ...information.metadata } }
    await store.save(issuer.url, complete)
    return complete
  }

  return async (issuer, unknown) => {
    const create = (identity: Identity): Client => createClient({ ...common, issuer, ...identity })
    // An issuer identifier can be any text.
    const own = Object.hasOwn(registered, issuer.url) ? registered[issuer.url] : undefined
    if (own) return create(own)
    const server = unwrap(await issuer.metadata())
    if (metadataDocument !== undefined && server.client_id_metadata_document_supported === true)
      return create({ client_id: metadataDocument, authentication })
    if (!registration || server.registration_endpoint === undefined)
      throw new ClientError(
        'unsupported',
        'client_unavailable',
        `there is no client for ${issuer.url}: register one there, and pass it in registered`,
      )
    const information = await registering(issuer.url, () => register(issuer, registration, unknown))
    return create({
      client_id: information.client_id,
      authentication: authenticationOf(information) ?? authentication,
    })
  }
}

/** Returns the first method without a key that the server supports; undefined if it lists none of them. */
const methodAt = ({ token_endpoint_auth_methods_supported: listed = [] }: ServerMetadata) =>
  (['none', 'client_secret_basic', 'client_secret_post'] as const).find(method => listed.includes(method))

/** Returns how a client that registered authenticates; undefined for a method with a key. */
function authenticationOf({ client_secret, metadata }: ClientInformation): ClientAuthentication | undefined {
  const { token_endpoint_auth_method: method } = metadata
  if (method === 'none') return noAuthentication()
  if (client_secret === undefined) return undefined
  return method === 'client_secret_post' ? clientSecretPost(client_secret) : clientSecretBasic(client_secret)
}

/** Each entry uses about a kilobyte. A resource can name any issuer, so their number is limited. */
const maxRegistrations = 1000

/** Forgets the registration that was used least recently, above {@link maxRegistrations}: the client registers again. */
function memoryRegistrations(): RegistrationStore {
  const known = new Map<string, ClientInformation>()
  const keep = (issuer: string, information: ClientInformation) =>
    setRecent(known, issuer, information, maxRegistrations)
  return {
    async load(issuer) {
      const found = known.get(issuer)
      if (found) keep(issuer, found)
      return found
    },
    save: async (issuer, information) => keep(issuer, information),
  }
}
