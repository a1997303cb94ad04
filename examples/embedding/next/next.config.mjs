export default {
  // Loaded by Node instead of bundled: it has native modules, worker threads and files of its own.
  serverExternalPackages: ['@tessera/server'],
}
