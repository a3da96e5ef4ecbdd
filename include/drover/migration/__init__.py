"""The stages of a migration, one a file, in the order in which a machine goes through them.

    inventory -> preflight -> backup -> transfer -> validate -> trial -> cutover -> commit
                                           any failure after the source went down -> rollback

Each stage has `run(move)`, which does the work or finds it done, records its evidence, and returns small facts.
"""
