"""What students click: thin views over plain functions and one state object. Each has a plain function beside it.

Nothing here is imported with the library: `usft_lib.__getattr__` brings a widget in when it is first asked for, so that
the library imports quickly, and at all, where no widgets are installed.
"""
