export default {
  // Loaded by Node instead of bundled, because it has native modules, worker threads and its own files.
  serverExternalPackages: ['@tessera/server'],
}
