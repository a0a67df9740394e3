"""The typed public Python API: everything that the `rune` command can do, with no printing and no prompts.

    store = Store.open(config)                       # WriterConfig; nothing is asked of the registry yet
    store.state() store.get() store.ls() store.log() store.diff() store.verify() store.render()
    store.set() store.put() store.rm() store.rollback() store.policy_put() store.refresh() store.sign()

`create_store` makes a new one (rune.client.create), rune.client.keys makes and changes keysets and signing keys, and
rune.client.manifests makes the Kubernetes objects that go with a store. rune.client.sealed seals values into files for
Git, checks them and commits them. Everything raises rune.errors.RuneError.
"""
