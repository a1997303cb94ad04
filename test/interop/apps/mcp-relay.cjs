/**
 * The command that MCP's conformance tests start for each scenario: asks the test's process, at the address in the first
 * argument, to run the client, and fails if the client does. Starting this takes a tenth of the CPU time of starting a
 * client with two SDKs, and half of that as a CommonJS module.
 */

const { request } = require('node:http')

const [, , relay, server] = process.argv
const { MCP_CONFORMANCE_SCENARIO: scenario, MCP_CONFORMANCE_PROTOCOL_VERSION: version } = process.env
const context = JSON.parse(process.env.MCP_CONFORMANCE_CONTEXT ?? '{}')

const asked = request(relay, { method: 'POST' }, response => {
  process.exitCode = response.statusCode === 200 ? 0 : 1
  response.setEncoding('utf8').on('data', text => process.stderr.write(text))
})
asked.end(JSON.stringify({ server, scenario, version, context }))
