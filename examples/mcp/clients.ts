/** How the application is known to an authorization server: by its document, or by registration. */

import {
  type Client,
  type ClientAuthentication,
  type ClientInformation,
  type ClientMetadata,
  clientSecretBasic,
  clientSecretPost,
  createClient,
  type Issuer,
  noAuthentication,
  registerClient,
  unwrap,
} from '@tessera/client'
import { createDpop } from '@tessera/client/dpop'

/** The document at the application's URL says the same. */
const metadata: ClientMetadata = {
  client_name: 'Notes client',
  application_type: 'native',
  // Without a port: any port of this machine (RFC 8252 §7.3).
  redirect_uris: ['http://127.0.0.1/callback'],
  grant_types: ['authorization_code', 'refresh_token'],
  response_types: ['code'],
}

export type KnownClient = Pick<ClientInformation, 'client_id' | 'client_secret'>

const methods: Readonly<Record<string, (secret: string) => ClientAuthentication>> = {
  none: () => noAuthentication(),
  client_secret_basic: clientSecretBasic,
  client_secret_post: clientSecretPost,
}

type ClientAtOptions = {
  /** Clients by their issuer: an id is of use only at the server that it comes from. */
  readonly registered: Map<string, KnownClient>
  readonly document: string | undefined
  /** Whether the MCP server wants tokens that are bound to a key (RFC 9449). */
  readonly isBound: boolean
}

/** Returns the client of the application at a server. Registers it if it has no document and is not known yet. */
export async function clientAt(
  issuer: Issuer,
  { registered, document, isBound }: ClientAtOptions,
): Promise<Client> {
  const server = unwrap(await issuer.metadata())
  const { token_endpoint_auth_methods_supported: supported = ['client_secret_basic'] } = server
  const method = Object.keys(methods).find(name => supported.includes(name as never)) ?? 'none'
  let known = registered.get(issuer.url)
  if (!known) {
    known =
      document !== undefined && server.client_id_metadata_document_supported === true
        ? { client_id: document }
        : unwrap(await registerClient(issuer, { ...metadata, token_endpoint_auth_method: method }))
    registered.set(issuer.url, known)
  }
  const { client_id, client_secret } = known
  const authenticate = client_secret === undefined ? methods.none : methods[method]
  return createClient({
    issuer,
    client_id,
    authentication: authenticate?.(client_secret ?? ''),
    ...(isBound && { proof: await createDpop() }),
  })
}
