"""What a page is made of: words, tables, drawings and the data of its map."""
