import assert from 'node:assert/strict'
import {
  authorizationCode,
  clientCredentials,
  clientSecretBasic,
  createIssuer,
  pollDeviceToken,
  startDeviceAuthorization,
  unwrap,
  validateAccessToken,
} from '@tessera/client'
import { as, errorOf, type Scenarios } from './scenario.ts'

export const requestScenarios: Scenarios = {
  async 'metadata is found, and is refused for another issuer'({ issuer }) {
    assert.equal(unwrap(await createIssuer(issuer).metadata()).issuer, issuer)
    assert.equal(errorOf(await createIssuer(`${issuer}/`).metadata()), 'invalid issuer_mismatch')
  },

  async 'client credentials with each authentication method, and a JWT for the API [RFC 9068]'(server) {
    const { scope, resource } = server
    for (const machine of server.machines) {
      const client = as(server, machine)
      const { access_token } = unwrap(await clientCredentials(client, { scope, resource }))
      const requirements = { audience: resource, scope, typ: 'any' } as const
      const claims = unwrap(await validateAccessToken(client.issuer, access_token, requirements))
      assert.equal(claims.client_id, machine.client_id, machine.authentication.method)
      const other = { audience: 'urn:other', typ: 'any' } as const
      assert.equal(
        errorOf(await validateAccessToken(client.issuer, access_token, other)),
        'invalid audience_mismatch',
      )
    }
  },

  async 'errors have the code of the server [RFC 6749 §5.2]'(server) {
    const { client_id } = server.machines[0]!
    const authentication = clientSecretBasic('not-the-secret-of-this-client')
    const wrong = await clientCredentials(as(server, { client_id, authentication }))
    assert.equal(errorOf(wrong), 'response invalid_client')
    const known = as(server, server.machines[0]!)
    const elsewhere = await clientCredentials(known, { resource: 'urn:unknown' })
    assert.equal(errorOf(elsewhere), 'response invalid_target')
    const lost = { code: 'not-a-code', redirect_uri: server.redirect_uri, code_verifier: 'v'.repeat(43) }
    assert.equal(errorOf(await authorizationCode(as(server, server.web), lost)), 'response invalid_grant')
  },

  async 'device authorization [RFC 8628]'(server) {
    const client = as(server, server.device)
    const { scope, resource } = server
    const device = unwrap(await startDeviceAuthorization(client, { scope: `openid ${scope}`, resource }))
    const tokens = await pollDeviceToken(client, device, {
      async sleep(seconds) {
        await server.approveDevice(device)
        await new Promise(resolve => setTimeout(resolve, Math.min(seconds, 1) * 1000))
      },
    })
    const requirements = { audience: resource, typ: 'any' } as const
    const { access_token } = unwrap(tokens)
    const claims = unwrap(await validateAccessToken(client.issuer, access_token, requirements))
    assert.equal(claims.client_id, client.client_id)
  },
}

/** Runs last, because it ends what other scenarios rely on. */
export const keyScenarios: Scenarios = {
  async 'tokens of a new key are verified, those of a withdrawn one no longer'(server) {
    const client = as(server, server.machines[0]!)
    const { scope, resource } = server
    const token = async () => unwrap(await clientCredentials(client, { scope, resource })).access_token
    const validate = (access_token: string) =>
      validateAccessToken(client.issuer, access_token, { audience: resource, typ: 'any' })
    const before = await token()
    unwrap(await validate(before))
    await server.replaceKeys()
    unwrap(await validate(await token()))
    assert.equal(errorOf(await validate(before)), 'invalid key_not_found')
  },
}
