"""JSON Schema, drafts 4 to 2020-12: schemas compiled to closures that report errors as Ajv 8 does.

    references   what is where in schemas
    dialects     the keywords of each draft, in their order
    keywords/    what each does
    compiler     a schema to functions
    validator    the metaschema, a run, its errors
    wording      which errors are told, and in which words

What Ajv does in another way than the standard is done here as well: siblings of ``$ref`` count in each draft, and a
schema is in one draft throughout.
"""
