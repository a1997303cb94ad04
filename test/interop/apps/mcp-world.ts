/** Runs `examples/mcp`: Tessera with its configuration, and the MCP server. */

import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:https'
import { captureWords } from '../../support/commands.ts'
import { testFolder } from '../../support/folder.ts'
import { freePort, type RunningServer, serveConfiguration } from '../../support/process.ts'
import { createPrograms, type Program } from '../../support/programs.ts'
import { createPerson } from '../../support/remote.ts'
import { readText } from '../../support/repository.ts'
import { certificate, privateKey } from '../../support/tls.ts'

/** The documents of real clients are at public addresses. */
const outbound = '"outbound": { "allowed_private_networks": ["127.0.0.0/8", "::1/128"] }'

/** Another API, and a client that gets tokens for both. */
const otherResource = { name: 'urn:other', scopes: ['other.read'] }
const machine = {
  client_id: 'machine',
  client_secrets: [{ value: 'secret-of-machine' }],
  grant_types: ['client_credentials'],
  scope: 'notes.read other.read',
}

export const alice = { username: 'alice', password: 'alice' }

export type McpWorld = {
  readonly issuer: string
  /** The URL of the MCP server, which is the name of its API. */
  readonly resource: string
  /** The client_id of the published document. */
  readonly document: string
  readonly tessera: RunningServer
  readonly mcp: Program
  readonly programs: ReturnType<typeof createPrograms>
  readonly person: () => ReturnType<typeof createPerson>
  /** Runs a command of Tessera on its configuration. */
  readonly run: (...words: readonly string[]) => Promise<void>
  readonly stop: () => Promise<void>
}

/** Serves the metadata document of a client over https. Requests go no further than this machine. */
async function publishDocument(port: number) {
  const url = `https://localhost:${port}/notes.json`
  const body = JSON.stringify({
    client_id: url,
    client_name: 'Notes',
    // Without ports, as that of Claude Code: any port of this machine (RFC 8252 §7.3).
    redirect_uris: ['http://localhost/callback', 'http://127.0.0.1/callback'],
    grant_types: ['authorization_code', 'refresh_token'],
    token_endpoint_auth_method: 'none',
  })
  const host = createServer({ cert: certificate, key: privateKey }, (_request, response) => {
    response.setHeader('content-type', 'application/json').end(body)
  })
  await once(host.listen(port, '127.0.0.1'), 'listening')
  return { url, close: () => host.close() }
}

/**
 * Call it at the top of a test file, and the function that it returns in a hook.
 * @param registration more members of `registration`, as JSON without braces.
 */
export function mcpWorld(registration = '') {
  const folder = testFolder()
  return async function start(): Promise<McpWorld> {
    const [port, issuerPort] = [await freePort(), await freePort()]
    const resource = `http://127.0.0.1:${port}/mcp`
    const published = await publishDocument(await freePort())
    const example = readText('examples/mcp/tessera.jsonc')
    const configuration = example
      .replace('http://127.0.0.1:5095/mcp', resource)
      .replace('"api_resources": [', `"api_resources": [${JSON.stringify(otherResource)},`)
      .replace(
        '"api_scopes": [',
        `"clients": [${JSON.stringify(machine)}], "api_scopes": [{ "name": "other.read" },`,
      )
      .replace(
        '"registration": {',
        // For the commands, which get no port.
        `${outbound}, "issuer": "http://localhost:${issuerPort}", "registration": { ${registration}`,
      )
    const file = folder.at('tessera.jsonc')
    await writeFile(file, configuration)
    const authority = await folder.write('authority.pem', certificate)
    const tessera = await serveConfiguration(file, issuerPort, {
      environment: { NODE_EXTRA_CA_CERTS: authority },
    })
    const programs = createPrograms(() => ({ ISSUER: tessera.url, MCP_SERVER: resource }))
    const mcp = await programs.serve('mcp/server.ts', { PORT: `${port}` })
    return {
      issuer: tessera.url,
      resource,
      document: published.url,
      tessera,
      mcp,
      programs,
      person: () => createPerson(tessera.url, alice),
      async run(...words) {
        const { code, output } = await captureWords([...words, '--config', file])
        if (code !== 0) throw new Error(output)
      },
      async stop() {
        programs.stop()
        await tessera.stop()
        published.close()
      },
    }
  }
}
