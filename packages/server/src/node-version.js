/**
 * Throws if this version of Node is too old for the server. Import it first. It is JavaScript that old versions can
 * parse; package.json has the same number in `engines`.
 */

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
if (major < 22 || (major === 22 && minor < 20))
  throw new Error(
    `@tessera/server needs Node.js 22.20 or newer, and this is ${process.version}: install a newer version, such as the current LTS`,
  )
