"""The event store on SQLite. It knows rows, not event types.

``store`` is the asyncio facade, ``rows`` what goes in and comes out. ``writer`` is the one writer thread,
``readers`` the pool beside it, ``connection`` and ``migrations`` open a file; ``log``, ``outbox``, ``money``
and ``blobs`` hold the SQL of their tables; ``faults`` words SQLite's errors, ``crash`` is the chaos hook.
``care`` and ``removal`` save it and take things out again, ``files`` puts one store in another's place,
``copies`` follows a store with a second one, ``costs`` reads what all threads bought, ``lessons``
what they asked; ``together`` is what threads tell each other, ``wallet`` what they may spend.
Every text loses its secrets on its way in.
"""
