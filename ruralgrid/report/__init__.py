"""What people look at: text, files and plots."""
